"""Estimators, or models, beside one another: what each made of the same clips."""

from motionary.comparison.contenders import Clip, Contender, read_contenders
from motionary.comparison.page import CompareConfig, write_comparison

__all__ = ["Clip", "CompareConfig", "Contender", "read_contenders", "write_comparison"]
