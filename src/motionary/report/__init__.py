"""Reports: one self-contained HTML page of pictures, tables, moving bodies and facts about a run."""

from motionary.report.page import Picture, Section, write_report
from motionary.report.run import ReportConfig, credits_of, report_run, run_sections, score_bundled

__all__ = [
    "Picture",
    "ReportConfig",
    "Section",
    "credits_of",
    "report_run",
    "run_sections",
    "score_bundled",
    "write_report",
]
