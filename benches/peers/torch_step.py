"""A training step of the locally linear DVBF in PyTorch: noise, forward, backward, clipping, Adam.

    python torch_step.py --size b --mode eager|compile           # one line of JSON a size
    python torch_step.py --check ../../tests/golden/dvbf_ll_tempered.npz

The equations are in tests/golden/README.md. Shapes are time-major: `x (T, B, X)`, `u (T, B, U)`,
`eps (T, B, W)`. What does not depend on the recursion is computed for all steps at once.
"""

import math

import measure

# Threads are restricted before PyTorch makes its own.
ARGS = measure.options("PyTorch", modes=["eager", "compile"])

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])


def mlp(p, name, x):
    return linear(p, f"{name}.1", torch.relu(linear(p, f"{name}.0", x)))


def head(raw):
    mean, raw = raw.chunk(2, dim=-1)
    return mean, F.softplus(raw) + measure.STD_FLOOR


def start(p, x, u, k):
    """`q(w_1)` from the first frames."""
    def flat(a):
        return a.transpose(0, 1).reshape(a.shape[1], -1)

    return head(mlp(p, "initial.recognition", torch.cat([flat(x[:k]), flat(u[: k - 1])], dim=-1)))


def mixing(p, zu):
    hidden = "transition.mixing.1.weight" in p
    logits = mlp(p, "transition.mixing", zu) if hidden else linear(p, "transition.mixing.0", zu)
    return torch.softmax(logits, dim=-1)


def infer(p, x, u, mask, eps, k):
    """States `(T, B, Z)`, means and standard deviations of `q(w)`, `(T, B, W)`."""
    mean, std = start(p, x, u, k)
    z = mlp(p, "initial.state", mean + std * eps[0])
    channels = x.shape[-1]
    outer, inner = p["recognition.0.weight"].split([channels, z.shape[-1] + u.shape[-1]], dim=1)
    seen = F.linear(x[1:], outer, p["recognition.0.bias"])
    maps = torch.cat([p["transition.a"], p["transition.b"], p["transition.c"]], dim=-1)
    bases, states, inputs = maps.shape
    maps = maps.reshape(bases, -1)
    zs, means, stds = [z], [mean], [std]
    for t in range(x.shape[0] - 1):
        zu = torch.cat([z, u[t]], dim=-1)
        mean, std = head(linear(p, "recognition.1", torch.relu(seen[t] + F.linear(zu, inner))))
        if mask is not None:
            m = mask[t + 1].unsqueeze(-1)
            mean, std = mean * m, std * m + (1.0 - m)
        zuw = torch.cat([zu, mean + std * eps[t + 1]], dim=-1)
        mixed = (mixing(p, zu) @ maps).reshape(-1, states, inputs)
        z = torch.bmm(mixed, zuw.unsqueeze(-1)).squeeze(-1)
        zs.append(z), means.append(mean), stds.append(std)
    return torch.stack(zs), torch.stack(means), torch.stack(stds)


def loss(p, log_std, x, u, mask, eps, c, k):
    """Mean over sequences of `E_q[ln q(w) − c ln p(w)] − c ln p(x | z)`."""
    z, mean, std = infer(p, x, u, mask, eps, k)
    square = ((x - mlp(p, "emission", z)) * torch.exp(-log_std)).square().sum(-1)
    log_lik = -0.5 * square - x.shape[-1] * (log_std + 0.5 * math.log(2.0 * math.pi))
    if mask is not None:
        log_lik = log_lik * mask
    kl = (0.5 * c * (math.log(2.0 * math.pi) + mean**2 + std**2)
          - 0.5 * math.log(2.0 * math.pi * math.e) - torch.log(std)).sum(-1)
    return (kl - c * log_lik).sum(0).mean()


def step_for(size):
    torch.manual_seed(0)
    x, u = (torch.from_numpy(a) for a in measure.data(size))
    p = {name: torch.from_numpy(value).requires_grad_() for name, value in measure.first_parameters(size).items()}
    log_std = torch.tensor(math.log(measure.EMISSION_STD))
    T, B, _ = x.shape
    width = measure.SIZES[size]["Z"]
    parameters = list(p.values())
    optimizer = torch.optim.Adam(parameters, lr=measure.RATE, betas=(measure.BETA1, measure.BETA2),
                                 eps=measure.EPSILON, fused=True)

    def objective(p, eps):
        return loss(p, log_std, x, u, None, eps, 1.0, measure.K) / T

    if ARGS.mode == "compile":
        objective = torch.compile(objective, dynamic=False)

    def once():
        optimizer.zero_grad(set_to_none=True)
        objective(p, torch.randn(T, B, width)).backward()
        torch.nn.utils.clip_grad_norm_(parameters, measure.CLIP)
        optimizer.step()

    return once


def loss_and_gradients(p, x, u, mask, eps, c, k):
    p = {name: torch.tensor(value, requires_grad=True) for name, value in p.items()}
    x, u, eps = (torch.tensor(a) for a in (x, u, eps))
    mask = None if mask is None else torch.tensor(mask)
    value = loss(p, p["emission.log_std"], x, u, mask, eps, c, k)
    value.backward()
    return value.item(), {name: tensor.grad.numpy() for name, tensor in p.items()}


if __name__ == "__main__":
    torch.set_num_threads(ARGS.threads)
    if ARGS.check:
        for path in ARGS.check:
            measure.check(path, loss_and_gradients)
    else:
        measure.run(ARGS, f"torch-{ARGS.mode}", step_for)
