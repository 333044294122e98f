"""The columns of the files: names, types, kinds and roles, and where such descriptions come from.

- `field.py`, `kinds.py`: one column, and what it is to a model
- `schema.py`, `roles.py`: the columns in order, and which of them is label or weight
- `json_form.py`, `bigquery.py`: as JSON, and as BigQuery has them
- `statistics.py`: what is known of a column's values
- `from_pandas.py`: the columns of a DataFrame
- `shapes.py`: what texts look like
- `inferring/`: files in one pass -> statistics, types, kinds and remarks
"""

from sampling.schema.field import Field
from sampling.schema.roles import FORWARDED_SUFFIX, WEIGHT_FEATURE
from sampling.schema.schema import Schema
from sampling.schema.statistics import ColumnStatistics

__all__ = ["FORWARDED_SUFFIX", "WEIGHT_FEATURE", "ColumnStatistics", "Field", "Schema"]
