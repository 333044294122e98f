"""A DataFrame to a file, in the format that the file's name says."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def write(frame: pd.DataFrame, path: Path, row_group_rows: int = 50) -> Path:
    if path.name.endswith(".parquet"):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table, path, row_group_size=row_group_rows, write_page_checksum=True)
    else:
        frame.to_csv(path, index=False)
    return path
