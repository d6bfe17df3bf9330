"""Whether outputs can be written below a target root: `local_directory` looks at file systems, `s3_bucket` at S3, with
boto3, and `deadline` bounds both.
"""

from stardag.adapters.storage.check import LocalAndS3StorageCheck

__all__ = ["LocalAndS3StorageCheck"]
