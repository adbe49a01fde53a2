"""Scoring generated motion against real motion."""

from motionary.evaluation.protocol import EvaluationResult, evaluate
from motionary.evaluation.real import RealFeatures

__all__ = ["EvaluationResult", "RealFeatures", "evaluate"]
