"""The trained classifier: linear heads on vectors and TF-IDF, calibrated, with abstention and reasons."""

from models.classifier.classifier import Classifier, Labels, Parts
from models.classifier.errors import ClassifierError
from models.classifier.train import Trained, train
from models.classifier.tuned import Tuned, Tuner

__all__ = ["Classifier", "ClassifierError", "Labels", "Parts", "Trained", "Tuned", "Tuner", "train"]
