"""What people call the layouts: our nine names, and the names that recordings of the devices go by."""

from __future__ import annotations

from types import MappingProxyType

from kinelog.codecs.values import Format

FORMAT_OF_NAME = MappingProxyType(
    {format_.value: format_ for format_ in Format}
    | {
        "lift-gfs5": Format.GFS,
        "lift-multipacket": Format.MULTIPACKET,
        "muvr-ae": Format.AE,
        "muvr-ad-float": Format.AD,
        "lift-gfs-fefc": Format.GFS_FEFC,
        "lift-gfs-fef7-11bit": Format.GFS_FEF7,
        "muvr-ad-int16": Format.AD_INT16,
        "muvr-ad-legacy19": Format.AD_LEGACY19,
    }
)
"""Every accepted name."""
