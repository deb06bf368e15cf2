"""The small world the embedded model lives in: facts, families of tasks, seeds and their auditor."""
