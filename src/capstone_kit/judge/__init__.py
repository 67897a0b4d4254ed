"""The examiner's own scripts, run beside a project's files: they import `project` from the pristine template."""
