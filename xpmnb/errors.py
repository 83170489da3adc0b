"""Every error that xpmnb raises on purpose, as one tree.

    XpmnbError
    ├── DeclarationError          a class declaration cannot work
    ├── ConfigError               a configuration is wrong
    │   ├── ParameterError        a value does not fit its parameter (also a TypeError)
    │   ├── UnknownParameterError no such parameter (also an AttributeError)
    │   ├── MissingParameterError a required parameter has no value
    │   └── SealedError           a submitted configuration cannot be changed
    ├── IdentifierError           a value has no canonical encoding
    ├── DocumentError             a JSON document is no graph of configurations
    ├── WorkspaceError            a workspace or one of its files is unusable
    ├── SettingsError             the settings file is wrong
    ├── SubmissionError           a task cannot be submitted
    │   ├── ExportError           a class uses what another process cannot be given
    │   └── CodeChangedError      a task is done, by other code than it has now
    ├── LauncherError             a launcher cannot run jobs here
    ├── DebugError                a job cannot be debugged, or not here
    ├── JobFailed                 the result of a failed job was asked for
    └── FailedExperiment          ``wait(check=True)`` found failed jobs
    GracefulTimeout               raised *by* a task: not enough time left
    TaskCancelled                 raised *in* a task: it was asked to stop

Nothing but error classes lives here.
"""

from __future__ import annotations


class XpmnbError(Exception):
    """Is the base of every error that xpmnb raises."""


class DeclarationError(XpmnbError, TypeError):
    """Is raised when the declaration of a class cannot work."""


class ConfigError(XpmnbError):
    """Is raised when a configuration is wrong."""


class ParameterError(ConfigError, TypeError, ValueError):
    """Is raised when a value does not fit the type or the choices of its parameter."""


class UnknownParameterError(ConfigError, AttributeError, TypeError):
    """Is raised when a configuration is given a parameter that its class does not declare."""


class MissingParameterError(ConfigError, ValueError):
    """Is raised when a configuration is sealed without a value for a required parameter."""


class SealedError(ConfigError, AttributeError):
    """Is raised when a submitted configuration is changed."""


class IdentifierError(XpmnbError, TypeError):
    """Is raised when a value has no canonical encoding, so that no identifier can be computed."""


class DocumentError(XpmnbError, ValueError):
    """Is raised when a JSON document does not describe a graph of known configurations."""


class WorkspaceError(XpmnbError, OSError):
    """Is raised when a workspace, or a file in it, cannot be used."""


class SubmissionError(XpmnbError, RuntimeError):
    """Is raised when a task cannot be submitted."""


class ExportError(SubmissionError):
    """Is raised when a class that was declared in a cell uses what cannot be written as source.

    Its job then cannot run in another process. The message names the variable, what it is, and
    the way out.
    """


class CodeChangedError(SubmissionError):
    """Is raised when a task is done, by other code than it has now, and that is to be an error.

    Submit it with ``on_code_change="rerun"`` to run it again, or ``"warn"`` to take the result.
    """


class SettingsError(XpmnbError, ValueError):
    """Is raised when the settings file is wrong; the message names file and key."""


class LauncherError(XpmnbError, RuntimeError):
    """Is raised when a launcher cannot run jobs on this machine."""


class DebugError(XpmnbError, RuntimeError):
    """Is raised when a job cannot be debugged, or not from where ``job.debug()`` was called."""


class JobFailed(XpmnbError, RuntimeError):
    """Is raised when the result of a job is asked for that did not end well.

    The message holds the reason, the job directory and the end of the job's own traceback.
    """


class FailedExperiment(XpmnbError, RuntimeError):
    """Is raised by ``experiment.wait(check=True)``, with one line for each failed job."""


class GracefulTimeout(XpmnbError):
    """Is raised by a task that knows that its time will not suffice.

    The job ends with the failure reason ``timeout``.
    """


class TaskCancelled(BaseException):
    """Is raised inside ``execute`` when the job was asked to stop.

    It derives from :class:`BaseException`, like :class:`KeyboardInterrupt`, so that an
    ``except Exception`` in a training loop does not keep a cancelled job alive. A task may
    catch it to clean up; the job counts as cancelled even when it is not raised again.

    Parameters
    ----------
    message : str
        What asked the job to stop.
    remaining_time : float or None
        Seconds until the job is killed, where that is known.
    """

    def __init__(
        self, message: str = "the job was asked to stop", remaining_time: float | None = None
    ) -> None:
        super().__init__(message)
        self.remaining_time = remaining_time
