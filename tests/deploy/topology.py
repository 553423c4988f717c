"""`deploy/topology.yaml`: what runs, which everything else in `deploy/` and `mesos/` is held to."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "topology.yaml"


class Image(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is run, and as whom."""

    name: str
    user: int
    group: int


class Port(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A port, and the variable that a process takes it from."""

    number: int
    variable: str
    who: str


class Variable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that a process is told by what is around it."""

    what: str
    secret: bool = False
    optional: bool = False


class Probe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question that the platform asks."""

    port: str
    path: str
    every_s: int
    within_s: int
    failures: int


class Process(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One kind of process."""

    runs: Literal["always", "once", "nightly"]
    stage: Literal["serve", "fit"]
    command: tuple[str, ...]
    instances: int
    one_a_machine: bool
    ports: tuple[str, ...]
    told: tuple[str, ...]
    secrets: tuple[str, ...]
    variables: dict[str, str]
    probes: dict[Literal["ready", "live"], Probe]
    starts_within_s: int
    leaves_rotation_s: int
    drain_s: int
    grace_s: int
    cpus: float
    memory_mib: int
    writes: tuple[str, ...]
    cron: str | None = None


class Topology(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file."""

    image: Image
    ports: dict[str, Port]
    variables: dict[str, Variable]
    processes: dict[str, Process]

    def required(self, process: str) -> set[str]:
        """Variables that a platform must give."""
        of = self.processes[process]
        from_around = {name for name in (*of.told, *of.secrets) if not self.variables[name].optional}
        return from_around | set(of.variables) | self.port_variables(process)

    def allowed(self, process: str) -> set[str]:
        """Variables that a platform may give."""
        of = self.processes[process]
        return self.required(process) | {*of.told, *of.secrets}

    def port_variables(self, process: str) -> set[str]:
        """Variables that say where to listen."""
        return {self.ports[name].variable for name in self.processes[process].ports}

    def secrets(self) -> set[str]:
        """Variables that hold secrets."""
        return {name for name, variable in self.variables.items() if variable.secret}


def read_topology() -> Topology:
    """The file; what is not as it should be raises `msgspec.ValidationError`."""
    return msgspec.yaml.decode(FILE.read_bytes(), type=Topology)


TOPOLOGY = read_topology()
