"""How long jobs will run, learned while they do; with anomalies as a by-product (extra ``[ml]``)."""

from hal.predict.anomalies import SlowNode, UnusualRun, slow_nodes, unusual_runs
from hal.predict.baselines import BASELINES
from hal.predict.evaluation import SETTING, USES, Evaluation, accuracy, evaluate
from hal.predict.features import FEATURES
from hal.predict.model import Model
from hal.predict.model_store import ModelStore
from hal.predict.predictor import PREDICTORS, Predictor, RuntimeGuess

__all__ = [
    "BASELINES",
    "FEATURES",
    "PREDICTORS",
    "SETTING",
    "USES",
    "Evaluation",
    "Model",
    "ModelStore",
    "Predictor",
    "RuntimeGuess",
    "SlowNode",
    "UnusualRun",
    "accuracy",
    "evaluate",
    "slow_nodes",
    "unusual_runs",
]
