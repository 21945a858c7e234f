export type Role = 'server' | 'worker'

/** The links are relative, so that they hold behind a proxy that serves this below a path. */
export function frontPage(role: Role): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Skydrain ${role}</title>
<h1>Skydrain ${role}</h1>
<p>Skydrain drains Redis Streams of Bluesky events into partitioned Parquet files.</p>
<ul>
<li><a href="health/live">health/live</a>: whether this process is there</li>
<li><a href="health/ready">health/ready</a>: whether it can do its work</li>
<li><a href="metrics">metrics</a>: its numbers, for Prometheus</li>
</ul>
</html>
`
}
