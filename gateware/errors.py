"""Errors a user can cause.

Each message says what was required, what was given and what to do; the command line prints it as
one sentence and exits with code 2.
"""

__all__ = [
    "DataError",
    "DeviceBusyError",
    "DeviceError",
    "DigestMismatchError",
    "LinkError",
    "PmgdError",
    "SpecError",
    "ToolError",
]


class PmgdError(Exception):
    """Base of every error that is the user's to mend."""


class SpecError(PmgdError, ValueError):
    """A specification that cannot be built: an unknown key, a wrong value, a narrow format."""


class DataError(PmgdError, ValueError):
    """A data set of the wrong shape, or with values that no format can hold."""


class ToolError(PmgdError, RuntimeError):
    """A tool that is needed here is not installed, or failed."""


class DeviceError(PmgdError, RuntimeError):
    """A device refused a request."""


class DeviceBusyError(DeviceError):
    """A write that is only allowed while stopped arrived while the device was running."""


class DigestMismatchError(DeviceError):
    """The device was generated from another specification."""


class LinkError(DeviceError):
    """The link to a device is silent, or carries something else than this protocol."""
