"""Reads a dataset with pyarrow, pandas and Polars and compares them with each other and with DuckDB.

usage: read.py DATA_DIR QUERY, where `QUERY SQL` prints the answer as a JSON array of objects
"""

import collections
import glob
import json
import os
import subprocess
import sys

import pandas
import polars
import pyarrow
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet

STRING = pyarrow.string()
TIMESTAMP = pyarrow.timestamp("us", tz="UTC")
LIST = pyarrow.list_(STRING)


def strings(names):
    return [(name, STRING) for name in names.split()]


# Written out here again, so that a change of the columns is seen as what it is: a change for every reader.
FIRST = [
    ("stream_id", STRING),
    ("event_time", TIMESTAMP),
    *strings("did rkey uri operation rev cid"),
    ("created_at", TIMESTAMP),
]
SUBJECT = strings("subject_uri subject_cid subject_did subject_collection via_uri via_cid")
LAST = strings("extra")
COLUMNS = {
    "posts": [
        *FIRST,
        ("text", STRING),
        ("langs", LIST),
        *strings("reply_parent_uri reply_parent_cid reply_root_uri reply_root_cid"),
        *strings("embed_type quote_uri quote_cid external_uri external_title external_description"),
        ("image_count", pyarrow.int32()),
        ("has_video", pyarrow.bool_()),
        *[(name, LIST) for name in "image_alts link_uris mention_dids hashtags self_labels".split()],
        *LAST,
    ],
    "likes": [*FIRST, *SUBJECT, *LAST],
    "reposts": [*FIRST, *SUBJECT, *LAST],
    "follows": [*FIRST, *strings("subject_did via_uri via_cid"), *LAST],
    "blocks": [*FIRST, *strings("subject_did"), *LAST],
}

# Columns in which a text beyond the BMP cannot stand, since it must be an id, a word, a DID or an NSID.
PLAIN = {
    "stream_id",
    "operation",
    "likes.subject_did",
    "likes.subject_collection",
    "reposts.subject_did",
    "reposts.subject_collection",
}

PARTITION = "year=*/month=*/day=*/hour=*"

results = collections.Counter()


def main(data, query):
    for type_, columns in COLUMNS.items():
        before = results.copy()
        check_type(data, query, type_, columns)
        passed, failed = (results[key] - before[key] for key in ("passed", "failed"))
        print(f"{type_}: {passed} checks hold, {failed} do not", flush=True)
    print(f"\n{results['passed']} passed, {results['failed']} failed")
    return 1 if results["failed"] or not results["passed"] else 0


def check_type(data, query, type_, columns):
    pattern = os.path.join(glob.escape(data), PARTITION, f"type={type_}", "*.parquet")
    paths = sorted(glob.glob(pattern))
    names = [name for name, _ in columns]
    if not check(f"{type_}: there are files", lambda: None if paths else f"nothing matches {pattern}"):
        return

    # What nearly any reader does first; where this fails, nothing below makes sense.
    readers = {}

    def open_readers():
        readers["pyarrow"] = pyarrow.dataset.dataset(paths, partitioning="hive").to_table(columns=names)
        readers["pandas"] = arrow_of(pandas.read_parquet(paths, dtype_backend="pyarrow"), columns)
        readers["Polars"] = scan(paths).select(names).collect().to_arrow()

    if not check(f"{type_}: pyarrow, pandas and Polars read it", open_readers):
        return
    rows = readers["pyarrow"].sort_by("stream_id")
    source = f"read_parquet('{sql(pattern)}', hive_partitioning = true)"

    check(f"{type_}: both writers wrote into one folder", lambda: writers_of(paths))
    for path in paths:
        name = os.path.basename(path)
        check(f"{type_}: the columns of {name}", lambda: differs(columns, pyarrow.parquet.read_schema(path)))
    check(f"{type_}: the columns in Polars", lambda: polars_schema(paths, columns))
    check(f"{type_}: the columns in pandas", lambda: pandas_schema(paths, columns))
    check(f"{type_}: no stream_id twice", lambda: twice(rows))

    for reader in ("pandas", "Polars"):
        check(f"{type_}: {reader} reads the rows that pyarrow reads", lambda: same_rows(rows, readers[reader]))
    check(f"{type_}: DuckDB's count and instants", lambda: same_instants(rows, ask(query, instants_sql(source))))

    filters = []
    for name in (name for name, kind in columns if kind == STRING):
        values = chosen_values(rows[name])
        if f"{type_}.{name}" not in PLAIN and name not in PLAIN:
            far = any(beyond_bmp(value) for value in values)
            check(f"{type_}: a text beyond the BMP is in {name}", lambda: None if far else "there is none")
        filters += [(name, value) for value in values]
    check_filters(query, type_, source, paths, rows, filters)


def check_filters(query, type_, source, paths, rows, filters):
    """Each `column = value` finds exactly its rows through every reader, all of which skip by statistics."""
    dataset = pyarrow.dataset.dataset(paths, partitioning="hive")
    questions = []
    for number, (name, value) in enumerate(filters):
        ids = rows.filter(pyarrow.compute.equal(rows[name], value))["stream_id"].to_pylist()
        title = f"{type_}: {name} = {value[:40]!r} in"
        found = {
            "pyarrow": lambda: dataset.to_table(
                columns=["stream_id"], filter=pyarrow.dataset.field(name) == value
            )["stream_id"].to_pylist(),
            "pandas": lambda: list(
                pandas.read_parquet(paths, columns=["stream_id"], filters=[(name, "==", value)])["stream_id"]
            ),
            "Polars": lambda: scan(paths)
            .filter(polars.col(name) == value)
            .select("stream_id")
            .collect()["stream_id"]
            .to_list(),
        }
        for reader, read in found.items():
            check(f"{title} {reader}", lambda: same_ids(ids, read()))
        questions.append(
            f"SELECT {number} AS number, count(*)::VARCHAR AS count FROM {source} WHERE {name} = '{sql(value)}'"
        )

    answers = {}

    def ask_all():
        answers.update({int(it["number"]): int(it["count"]) for it in ask(query, " UNION ALL ".join(questions))})

    if not check(f"{type_}: DuckDB answers filters", ask_all):
        return
    for number, (name, value) in enumerate(filters):
        count = rows.filter(pyarrow.compute.equal(rows[name], value)).num_rows
        found = answers.get(number)
        title = f"{type_}: {name} = {value[:40]!r} in DuckDB"
        check(title, lambda: None if found == count else f"found {found} rows of {count}")


def check(title, body):
    """Runs a check, which returns or raises what is wrong, or returns None. True when it holds."""
    try:
        wrong = body()
    except Exception as error:
        wrong = f"{type(error).__name__}: {error}"
    results["failed" if wrong else "passed"] += 1
    if wrong:
        print(f"FAILED {title}: {wrong}", flush=True)
    return not wrong


def scan(paths):
    return polars.scan_parquet(paths, hive_partitioning=True)


def arrow_of(frame, columns):
    return pyarrow.Table.from_pandas(frame[[name for name, _ in columns]], preserve_index=False)


def writers_of(paths):
    writers = collections.defaultdict(set)
    for path in paths:
        created_by = pyarrow.parquet.read_metadata(path).created_by or "unnamed"
        writers[os.path.dirname(path)].add(created_by.split()[0])
    if not any(len(names) > 1 for names in writers.values()):
        return f"no folder has files of two writers: {sorted(set().union(*writers.values()))}"


def differs(columns, schema):
    # Readers name the element of a list differently.
    found = [(field.name, str(field.type).replace("<element:", "<item:")) for field in schema]
    wanted = [(name, str(kind).replace("<element:", "<item:")) for name, kind in columns]
    if sorted(found) == sorted(wanted) and found != wanted:
        return f"the order is {[name for name, _ in found]}"
    if found != wanted:
        return f"found {sorted(set(found) - set(wanted))}; expected {sorted(set(wanted) - set(found))}"


def polars_schema(paths, columns):
    kinds = {
        STRING: polars.String,
        TIMESTAMP: polars.Datetime("us", "UTC"),
        LIST: polars.List(polars.String),
        pyarrow.int32(): polars.Int32,
        pyarrow.bool_(): polars.Boolean,
    }
    schema = scan(paths).collect_schema()
    odd = [(name, str(schema.get(name))) for name, kind in columns if schema.get(name) != kinds[kind]]
    return f"these differ: {odd}" if odd else None


def pandas_schema(paths, columns):
    """Plain pandas has no column type for nullable integers, booleans and lists, so these are not asked for."""
    kinds = {STRING: ("str", "object"), TIMESTAMP: ("datetime64[us, UTC]",)}
    dtypes = pandas.read_parquet(paths).dtypes
    odd = [
        (name, str(dtypes.get(name)))
        for name, kind in columns
        if kind in kinds and str(dtypes.get(name)) not in kinds[kind]
    ]
    return f"these differ: {odd}" if odd else None


def twice(rows):
    ids = rows["stream_id"].to_pylist()
    return None if len(set(ids)) == len(ids) else f"{len(ids) - len(set(ids))} of {len(ids)} rows are doubled"


def same_rows(rows, others):
    if rows.num_rows != others.num_rows:
        return f"{others.num_rows} rows, not {rows.num_rows}"
    others = others.sort_by("stream_id")
    for name in rows.column_names:
        ours, theirs = values_of(rows[name]), values_of(others[name])
        if ours != theirs:
            index = next(i for i, pair in enumerate(zip(ours, theirs)) if pair[0] != pair[1])
            return f"{name} of {rows['stream_id'][index]} is {theirs[index]!r}, not {ours[index]!r}"


def values_of(column):
    """A timestamp as its microseconds since 1970 UTC, whatever the zone a reader shows it in."""
    if pyarrow.types.is_timestamp(column.type):
        column = column.cast(pyarrow.timestamp("us", tz=column.type.tz)).cast(pyarrow.int64())
    return column.to_pylist()


def instants_sql(source):
    parts = ["count(*)::VARCHAR AS count"]
    for name in ("event_time", "created_at"):
        # Seconds and the rest apart: their sums fit an integer. As text, so that no JSON number rounds them.
        for key, value in {
            "min": f"min(epoch_us({name}))",
            "max": f"max(epoch_us({name}))",
            "seconds": f"sum(epoch_us({name}) // 1000000)",
            "rest": f"sum(epoch_us({name}) % 1000000)",
        }.items():
            parts.append(f"({value})::VARCHAR AS {name}_{key}")
    return f"SELECT {', '.join(parts)} FROM {source}"


def same_instants(rows, answer):
    wanted = {"count": rows.num_rows}
    for name in ("event_time", "created_at"):
        times = [time for time in values_of(rows[name]) if time is not None]
        wanted[f"{name}_min"], wanted[f"{name}_max"] = min(times), max(times)
        wanted[f"{name}_seconds"] = sum(time // 1_000_000 for time in times)
        wanted[f"{name}_rest"] = sum(time % 1_000_000 for time in times)
    found = {key: int(value) for key, value in answer[0].items()}
    odd = {key: found.get(key) for key in wanted if found.get(key) != wanted[key]}
    return f"DuckDB says {odd}, the others {({key: wanted[key] for key in odd})}" if odd else None


def same_ids(ids, found):
    if sorted(ids) != sorted(found):
        return f"found {len(found)} rows of {len(ids)}, {len(set(ids) - set(found))} missing"


def chosen_values(column):
    """The first value, the last one in either order of texts (UTF-8 and UTF-16), and one beyond the BMP."""
    values = [value for value in pyarrow.compute.unique(column).to_pylist() if value is not None]
    if not values:
        return []
    last = max(values, key=lambda it: it.encode("utf-16-be"))
    far = [value for value in values if beyond_bmp(value)][:1]
    return list(dict.fromkeys([min(values), max(values), last, *far]))


def beyond_bmp(text):
    return any(ord(char) > 0xFFFF for char in text)


def ask(query, question):
    done = subprocess.run([query, question], capture_output=True, text=True, encoding="utf-8")
    if done.returncode != 0:
        raise RuntimeError(f"skydrain query ended with {done.returncode}: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout)


def sql(text):
    return text.replace("'", "''")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
