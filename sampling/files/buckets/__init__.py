"""Objects of buckets (`gs://`, `s3://`): listed, and read by ranges, by each service's own client.

TensorFlow's file system fetches a whole MiB for a range, of which a sample needs a tenth, and has
no `s3://`. It stays for what is written: checkpoints, summaries, exports.

- `store.py`: what is asked of a service, in the words that all have
- `google.py`, `amazon.py`: the clients
- `object_bytes.py`: an object as a file that can be read anywhere
"""

from sampling.files.buckets.object_bytes import ObjectBytes
from sampling.files.buckets.store import Object
from sampling.files.buckets.stores import READ_ONLY, access_remedy, is_object, listed, stat

__all__ = [
    "READ_ONLY",
    "Object",
    "ObjectBytes",
    "access_remedy",
    "is_object",
    "listed",
    "stat",
]
