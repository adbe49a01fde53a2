"""What each number of an evaluation means, in a sentence: for reports and the documentation."""

EXPLAINED = {
    "GT": "Real motions, scored as if they were generated: what a perfect model would get.",
    "Gen": "Motions that the model performed, with the actions and lengths of the real ones.",
    "±": (
        "95 % interval of the mean over the seeds; it says what other draws would change, not what other "
        "training runs would."
    ),
    "FID": (
        "Distance between the recogniser's features of generated and of real motions, each taken as one "
        "Gaussian. Lower is better; GT's is what is left when nothing is wrong."
    ),
    "Accuracy": (
        "Share of motions that an action recogniser, trained on real motions only, takes for the action they "
        "are meant to be. As high as GT's is perfect."
    ),
    "Diversity": "Mean distance of features between motions of any actions. As near to GT's as may be.",
    "Multimodality": (
        "Mean distance of features between motions of one action: how much its performances differ. As near "
        "to GT's as may be; less means that the model repeats itself."
    ),
    "nearest training clip": (
        "Mean distance of features to the most similar training clip. Far below GT's, the model replays what "
        "it has seen."
    ),
    "skate": "How fast feet slide that touch the ground, cm/s. Captured feet slide a little too.",
    "sinks": "How deep the lower foot lies below the ground, cm.",
    "jerk": "How suddenly joints change their acceleration, m/s³: shaking.",
    "limits": "Share of joints bent further than anatomy allows.",
    "bones": "How much bones change length; nothing, on a body model.",
    "freeze": "Share of frames in which nothing moves that leads the action.",
    "complete": "Range of motion of the joints that lead the action, relative to real motion.",
}
"""Word of the tables -> meaning."""
