"""The peer of `npm run bench -- off-policy`: the quickstart of Open Bandit Pipeline on the rounds that come with it.

    python bench/peers/off-policy/estimates.py CAMPAIGN LOGS

CAMPAIGN is all, men or women, and LOGS the policy that logged, random or bts; the other one is evaluated. The steps are
those of examples/quickstart/obd.ipynb in st-tech/zr-obp, with more estimators. Prints a line of JSON when a step is done,
{"step": NAME}, and at last what the estimators were given, by round, and what they made of it.
"""
import json
import logging
import sys
import types
import warnings

CAMPAIGN, LOGS = sys.argv[1:]
# What the libraries print is not for the reader of replies.
REPLIES, sys.stdout = sys.stdout, sys.stderr
logging.basicConfig(level=logging.WARNING)
warnings.filterwarnings("ignore")

# obp imports PyTorch, 6 GB on Linux, for policies that learn with neural networks. None of them is used here: empty
# modules stand for them, and for PyTorch until obp is there.
torch = types.ModuleType("torch")
torch.Tensor = torch.tensor = type("Tensor", (), {})
sys.modules["torch"] = torch
for module, learners in {
    "offline": ("IPWLearner", "NNPolicyLearner", "QLearner"),
    "offline_continuous": ("ContinuousNNPolicyLearner",),
}.items():
    empty = types.ModuleType(f"obp.policy.{module}")
    for learner in learners:
        setattr(empty, learner, None)
    sys.modules[empty.__name__] = empty

import numpy as np
import obp
import sklearn
from obp.dataset import OpenBanditDataset
from obp.ope import (
    DirectMethod,
    DoublyRobust,
    DoublyRobustWithShrinkage,
    InverseProbabilityWeighting,
    RegressionModel,
    SelfNormalizedDoublyRobust,
    SelfNormalizedInverseProbabilityWeighting,
    SwitchDoublyRobust,
)
from obp.policy import BernoulliTS
from sklearn.linear_model import LogisticRegression

del sys.modules["torch"]

SEED = 12345
# Where weights are clipped, switched or shrunk: below the largest of every campaign.
LAMBDA = 2.0
ESTIMATORS = {
    "ipw": InverseProbabilityWeighting(),
    "ipw, clipped": InverseProbabilityWeighting(lambda_=LAMBDA),
    "snipw": SelfNormalizedInverseProbabilityWeighting(),
    "dm": DirectMethod(),
    "dr": DoublyRobust(),
    "dr, clipped": DoublyRobust(lambda_=LAMBDA),
    "sndr": SelfNormalizedDoublyRobust(),
    "switch-dr": SwitchDoublyRobust(lambda_=LAMBDA),
    "dr-os": DoublyRobustWithShrinkage(lambda_=LAMBDA),
}


def reply(message):
    print(json.dumps(message), file=REPLIES, flush=True)


def evaluated_policy(dataset):
    """Probabilities [rounds, actions, positions]: of Thompson sampling by obp's draws, of the uniform policy exactly."""
    shape = (dataset.n_rounds, dataset.n_actions, dataset.len_list)
    if LOGS == "bts":
        return np.full(shape, 1 / dataset.n_actions)
    policy = BernoulliTS(
        n_actions=dataset.n_actions,
        len_list=dataset.len_list,
        is_zozotown_prior=True,
        campaign=CAMPAIGN,
        random_state=SEED,
    )
    return policy.compute_batch_action_dist(n_sim=100_000, n_rounds=dataset.n_rounds)


def predicted_rewards(dataset, feedback):
    """q^ [rounds, actions, positions], each round by a model that was fitted on other rounds."""
    model = RegressionModel(
        n_actions=dataset.n_actions,
        len_list=dataset.len_list,
        action_context=dataset.action_context,
        base_model=LogisticRegression(random_state=SEED),
    )
    inputs = {name: feedback[name] for name in ("context", "action", "reward", "position", "pscore")}
    return model.fit_predict(**inputs, n_folds=3, random_state=SEED)


def main():
    dataset = OpenBanditDataset(behavior_policy=LOGS, campaign=CAMPAIGN)
    feedback = dataset.obtain_batch_bandit_feedback()
    action_dist = evaluated_policy(dataset)
    reply({"step": "policy"})
    q_hat = predicted_rewards(dataset, feedback)
    reply({"step": "reward model"})
    inputs = {
        **{name: feedback[name] for name in ("reward", "action", "position", "pscore")},
        "action_dist": action_dist,
        "estimated_rewards_by_reg_model": q_hat,
    }
    estimates = []
    for name, estimator in ESTIMATORS.items():
        value = estimator.estimate_policy_value(**inputs)
        interval = estimator.estimate_interval(**inputs, n_bootstrap_samples=10_000, random_state=SEED)
        low, high = (interval[f"95.0% CI ({end})"] for end in ("lower", "upper"))
        estimates.append({"name": name, "value": float(value), "low": float(low), "high": float(high)})
        reply({"step": name})
    rounds = np.arange(dataset.n_rounds)
    action, position = feedback["action"], feedback["position"]
    by_round = {
        "reward": feedback["reward"],
        "pscore": feedback["pscore"],
        "evaluated": action_dist[rounds, action, position],
        "shown": q_hat[rounds, action, position],
        "policy": (action_dist * q_hat).sum(axis=1)[rounds, position],
    }
    versions = {
        "python": sys.version.split()[0],
        "obp": obp.__version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
    }
    reply(
        {
            "versions": versions,
            "lambda": LAMBDA,
            "rounds": {name: values.tolist() for name, values in by_round.items()},
            "estimates": estimates,
        }
    )


main()
