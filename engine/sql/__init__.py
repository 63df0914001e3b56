"""SQL over the serving zone: read-only, in a process of its own, within limits of time, memory and rows.

`statement` reads and checks, `work` runs inside the process, `workers` starts and ends such processes.
"""

from engine.sql.statement import BadSql, Call, Statement, read
from engine.sql.workers import Workers

__all__ = ["BadSql", "Call", "Statement", "Workers", "read"]
