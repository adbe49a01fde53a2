"""Scoring generated motion against real motion."""

from motionary.evaluation.protocol import evaluate
from motionary.evaluation.real import RealFeatures
from motionary.evaluation.result import EvaluationResult

__all__ = ["EvaluationResult", "RealFeatures", "evaluate"]
