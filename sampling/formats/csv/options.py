"""How text files are written: what users say of them."""

from __future__ import annotations

import codecs
import dataclasses
from collections.abc import Sequence
from typing import Any

from sampling.errors import SamplingError
from sampling.formats.csv.scanning import Dialect
from sampling.schema import json_form

UTF8 = "utf-8"


@dataclasses.dataclass(frozen=True)
class CsvOptions:
    """How the files are written.

    Args:
        header: whether the first line of each file names its columns.
        delimiter: between fields, one character.
        null_values: the spellings of a missing value, in every format; a blank is one always.
        newlines_in_values: whether quoted fields may hold newlines; it costs a pass over the files
            to find out where rows begin.
        decimal: what stands before the fraction of a number, one character.
        escape: what makes the next character a plain one, such as a backslash; "" is nothing.
        encoding: of the text, UTF-8 or one of a byte for each character ("latin-1", "cp1252").

    Raises:
        SamplingError: an option is not of that kind.
    """

    header: bool = True
    delimiter: str = ","
    null_values: Sequence[str] = ("",)
    newlines_in_values: bool = False
    decimal: str = "."
    escape: str = ""
    encoding: str = UTF8

    def __post_init__(self) -> None:
        if not _is_one_byte(self.delimiter) or self.delimiter in '"\r\n\0':
            raise SamplingError(
                f"delimiter is {self.delimiter!r}, expected one ASCII character such as ',' or "
                "'\\t'; pass the one between the fields"
            )
        if self.decimal not in (".", ",") or self.decimal == self.delimiter:
            raise SamplingError(
                f"decimal is {self.decimal!r} where delimiter is {self.delimiter!r}, expected '.' "
                "or ',' and another delimiter; pass what stands before a number's fraction"
            )
        taken = f'"\r\n\0{self.delimiter}{self.decimal}'
        if self.escape != "" and (not _is_one_byte(self.escape) or self.escape in taken):
            raise SamplingError(
                f"escape is {self.escape!r}, expected one ASCII character such as '\\\\', or '' "
                "for none; pass the one before characters that are meant as they are"
            )
        nulls = self.null_values
        listed = isinstance(nulls, Sequence) and not isinstance(nulls, (str, bytes))
        if not listed or not all(isinstance(null, str) for null in nulls):
            raise SamplingError(
                f"null_values is {nulls!r}, expected a list of texts such as ('', 'NA'); pass one"
            )
        object.__setattr__(self, "null_values", tuple(dict.fromkeys(("", *nulls))))
        object.__setattr__(self, "encoding", _checked_encoding(self.encoding))

    @classmethod
    def of_schema(cls, text_or_path: Any) -> CsvOptions | None:
        """How the files are written that a schema's JSON was made from; None: it does not say.

        Raises:
            SamplingError: the JSON can't be read, or has an option that is not known.
        """
        found, origin = json_form.load(text_or_path)
        said = found.get(json_form.CSV)
        return None if said is None else cls.from_dict(said, origin)

    @classmethod
    def from_dict(cls, said: Any, origin: str) -> CsvOptions:
        """What `to_dict` gave.

        Raises:
            SamplingError: it has an option that is not known, or is out of range.
        """
        at = f"{origin}: {json_form.CSV}"
        if not isinstance(said, dict):
            raise SamplingError(f'{at} is {said!r}, expected {{"delimiter": ";"}} or so; fix it')
        json_form.check_keys(said, [field.name for field in dataclasses.fields(cls)], at)
        try:
            return cls(**said)
        except SamplingError as error:
            raise SamplingError(f"{at}: {error}") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain values of what is not as usual."""
        usual, found = CsvOptions().by_name(), self.by_name()
        return {name: value for name, value in found.items() if value != usual[name]}

    def by_name(self) -> dict[str, Any]:
        """All options, as plain values."""
        return {**dataclasses.asdict(self), "null_values": list(self.null_values)}

    def as_written(self, delimiter: str, is_text: bool) -> CsvOptions:
        """How rows are written again that are kept as they are: in UTF-8, with a header, unescaped.

        Args:
            delimiter: that is written.
            is_text: whether what these options read is text, and is written as text.
        """
        kept: dict[str, Any] = {"delimiter": delimiter, "header": True}
        kept |= {"escape": "", "encoding": UTF8}
        if not is_text:
            kept |= {"decimal": ".", "newlines_in_values": False}
        return dataclasses.replace(self, **kept)

    @property
    def dialect(self) -> Dialect:
        return Dialect(self.delimiter, self.escape)


def _is_one_byte(character: object) -> bool:
    return isinstance(character, str) and len(character) == 1 and character.isascii()


def _checked_encoding(encoding: object) -> str:
    """Python's name of an encoding in which bytes are characters, or UTF-8."""
    every = bytes(range(256))
    try:
        name = codecs.lookup(encoding if isinstance(encoding, str) else "").name
        known = every.decode(name, "replace")
    except LookupError:  # none, or none of text
        raise SamplingError(
            f"encoding is {encoding!r}, expected the name of one, such as 'utf-8' or 'latin-1'; "
            "fix it"
        ) from None
    if name in (UTF8, "utf-8-sig", "ascii"):
        return UTF8
    if len(known) == 256 and known[:128] == every[:128].decode("ascii"):
        return name
    raise SamplingError(
        f"encoding is {encoding!r}, in which characters are no single bytes, expected UTF-8 or one "
        f"in which they are; convert the files by `iconv -f {encoding} -t UTF-8`"
    )
