"""Jobs: what runs in a lab for a while, such as a scenario, or a fault that lasts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import TaskGroup, TaskStatus


class Job:
    """Something that runs until it is done or stopped."""

    def __init__(self) -> None:
        self._scope = anyio.CancelScope()
        self.done = False

    def stop(self) -> None:
        """Stop it, if it still runs."""
        self._scope.cancel()

    async def run(self, function: Callable[[], Awaitable[object]]) -> None:
        """Call a function and wait for it, unless the job is stopped."""
        try:
            with self._scope:
                await function()
        finally:
            self.done = True


class Jobs:
    """Runs jobs beside the simulator."""

    def __init__(self) -> None:
        self._tasks: TaskGroup | None = None
        self._running: set[Job] = set()

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Run all jobs, until cancelled."""
        async with anyio.create_task_group() as self._tasks:
            task_status.started()
            await anyio.sleep_forever()

    def start(self, function: Callable[[], Awaitable[object]]) -> Job:
        """Start a job."""
        assert self._tasks is not None, "the lab runs"
        job = Job()
        self._running.add(job)
        self._tasks.start_soon(self._run, job, function)
        return job

    def stop_all(self) -> None:
        """Stop all jobs."""
        for job in self._running:
            job.stop()

    async def _run(self, job: Job, function: Callable[[], Awaitable[object]]) -> None:
        try:
            await job.run(function)
        finally:
            self._running.discard(job)
