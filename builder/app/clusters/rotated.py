"""What of a cluster can be made anew."""

from enum import StrEnum


class Rotated(StrEnum):
    """Words of `builder cluster rotate --what`."""

    ISSUERS = "issuers"
    SERVICE_ACCOUNTS = "service-accounts"
    ENCRYPTION = "encryption"
    UPGRADES = "upgrades"
