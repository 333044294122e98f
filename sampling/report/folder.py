"""A report as a folder: a page on predictions whose labels are known, and its pictures.

Needs scikit-learn, matplotlib and Jinja2: install tf-sampling[report].
"""

from __future__ import annotations

import os
from typing import Any

from sampling import files
from sampling.report.rows import Predictions


def require() -> Any:
    """`sampling.report.build`.

    Raises:
        ImportError: scikit-learn, matplotlib or Jinja2 is missing.
    """
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"there is no {error.name}, which reports are made with; install tf-sampling[report]"
        ) from None
    from sampling.report import build

    return build


def write(predictions: Predictions, output: str, overwrite: bool = False, **options: Any) -> str:
    """Writes `report.html`, which has all in it, and its pictures as PNGs to a folder.

    Args:
        predictions: the rows.
        output: the folder.
        overwrite: whether to replace files of an earlier report in it.
        options: see `sampling.report.build.Options`.

    Returns:
        The page's path.

    Raises:
        ImportError: scikit-learn, matplotlib or Jinja2 is missing.
        SamplingError: an option is out of range, a report is there already, or it can't be
            written.
    """
    build = require()
    if not overwrite:
        files.check_new(os.path.join(output, build.PAGE))
    files.replace_all(output, build.build(predictions, build.Options(**options)), overwrite)
    return os.path.join(output, build.PAGE)
