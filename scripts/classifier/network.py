"""The network: its layers in JAX, its training, and its form as an ONNX graph."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
import onnx
from jax import lax
from onnx import TensorProto, helper, numpy_helper

from drawing_engine.classifier.classes import CLASSES
from drawing_engine.classifier.crops import SIDE

#: Channels of the convolutions, and numbers in an embedding.
CHANNELS = (20, 32, 64, 112)
EMBEDDING = 96
#: Sharpness of the probabilities while training: the similarity to a class is at most 1.
SCALE = 18.0
_SMOOTHING = 0.05
_EPSILON = 1e-3
_LEFT = SIDE // 16

Weights = dict[str, Any]
Adam = tuple[Weights, Weights]


class Hyper(NamedTuple):
    """Parameters of the training."""

    rate: float = 1.5e-3
    batch: int = 64
    decay: float = 1e-4


def first_weights(seed: int) -> Weights:
    """Return random weights."""
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> npt.NDArray[np.float32]:
        drawn = random.normal(size=shape) * np.sqrt(2 / np.prod(shape[:-1]))
        return np.asarray(drawn, np.float32)

    one, two, three, four = CHANNELS
    shapes = {
        "conv1": (5, 5, 1, one),
        "conv2": (3, 3, one, two),
        "conv3": (3, 3, two, three),
        "conv4": (3, 3, three, four),
    }
    weights: Weights = {name: normal(*shape) for name, shape in shapes.items()}
    gains = {f"{name}_gain": np.ones(shape[-1], np.float32) for name, shape in shapes.items()}
    weights["dense"] = normal(_LEFT * _LEFT * four, EMBEDDING)
    weights |= {f"{name}_bias": np.zeros(array.shape[-1], np.float32) for name, array in list(weights.items())}
    return weights | gains | {"classes": normal(EMBEDDING, len(CLASSES))}


@jax.custom_vjp  # type: ignore[untyped-decorator, unused-ignore]
def _conv(x: jax.Array, w: jax.Array) -> jax.Array:
    """Convolve 3 × 3. XLA's own gradients of a convolution take ten times as long on a CPU as these."""
    return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def _conv_forward(x: jax.Array, w: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _conv(x, w), (x, w)


def _conv_backward(kept: tuple[jax.Array, jax.Array], upper: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, w = kept
    _, height, width, inputs = x.shape
    outputs = upper.shape[-1]
    to_x = _conv(upper, w[::-1, ::-1].transpose(0, 1, 3, 2))
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    flat = upper.reshape(-1, outputs)
    parts = [padded[:, a : a + height, b : b + width].reshape(-1, inputs).T @ flat for a in range(3) for b in range(3)]
    return to_x, jnp.stack(parts).reshape(3, 3, inputs, outputs)


_conv.defvjp(_conv_forward, _conv_backward)


def _first(x: jax.Array, w: jax.Array) -> jax.Array:
    """Convolve 5 × 5 at every other pixel, as one product of matrices."""
    half = SIDE // 2
    padded = jnp.pad(x, ((0, 0), (1, 2), (1, 2)))
    parts = [padded[:, a : a + SIDE : 2, b : b + SIDE : 2] for a in range(5) for b in range(5)]
    return (jnp.stack(parts, -1).reshape(-1, 25) @ w.reshape(25, -1)).reshape(len(x), half, half, -1)


def _pool(x: jax.Array) -> jax.Array:
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max((2, 4))


def _layers(weights: Weights, crops: jax.Array, normed: Any) -> jax.Array:
    """Return embeddings of length 1. `normed(x, layer)` sets the mean and variance of a layer's channels."""
    x = jax.nn.relu(normed(_first(crops, weights["conv1"]), "conv1"))
    for layer in ("conv2", "conv3", "conv4"):
        x = _pool(jax.nn.relu(normed(_conv(x, weights[layer]), layer)))
    x = x.reshape(len(x), -1) @ weights["dense"] + weights["dense_bias"]
    return x / jnp.sqrt((x * x).sum(1, keepdims=True) + 1e-8)


def _by_batch(weights: Weights) -> Any:
    """Return the normalisation of training, by the mean and variance of the batch itself."""

    def normed(x: jax.Array, layer: str) -> jax.Array:
        mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
        return (x - mean) / jnp.sqrt(variance + _EPSILON) * weights[f"{layer}_gain"] + weights[f"{layer}_bias"]

    return normed


def folded(weights: Weights, crops: npt.NDArray[np.uint8]) -> Weights:
    """Return weights whose convolutions include the normalisation, by the means and variances of these crops."""
    result = {name: np.asarray(array) for name, array in weights.items()}

    def normed(x: jax.Array, layer: str) -> jax.Array:
        mean, variance = np.asarray(x.mean((0, 1, 2))), np.asarray(x.var((0, 1, 2)))
        gain = result[f"{layer}_gain"] / np.sqrt(variance + _EPSILON)
        bias = result[f"{layer}_bias"] - mean * gain
        result[layer], result[f"{layer}_bias"] = result[layer] * gain, bias
        return x * gain + bias

    _layers(weights, jnp.asarray(crops, jnp.float32) / 255, normed)
    return result


def _class_directions(weights: Weights) -> jax.Array:
    return weights["classes"] / jnp.sqrt((weights["classes"] ** 2).sum(0, keepdims=True) + 1e-8)


def _loss(weights: Weights, crops: jax.Array, labels: jax.Array) -> jax.Array:
    logits = SCALE * _layers(weights, crops, _by_batch(weights)) @ _class_directions(weights)
    wanted = jax.nn.one_hot(labels, len(CLASSES)) * (1 - _SMOOTHING) + _SMOOTHING / len(CLASSES)
    return -(wanted * jax.nn.log_softmax(logits)).sum(1).mean()


@jax.jit  # type: ignore[untyped-decorator, unused-ignore]
def step(weights: Weights, adam: Adam, count: jax.Array, rate: jax.Array, crops: jax.Array, labels: jax.Array) -> Any:
    """Return the weights after one step of Adam, its state, and the loss."""
    loss, slope = jax.value_and_grad(_loss)(weights, crops.astype(jnp.float32) / 255, labels)
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, adam[0], slope)
    square = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g * g, adam[1], slope)
    to_mean, to_square = 1 / (1 - 0.9**count), 1 / (1 - 0.99**count)
    moved = jax.tree.map(
        lambda w, m, v: w - rate * (m * to_mean / (jnp.sqrt(v * to_square) + 1e-7) + Hyper().decay * w),
        weights, mean, square,
    )  # fmt: skip
    return moved, (mean, square), loss


def graph(weights: Weights, scale: float) -> bytes:
    """Return the network as ONNX.

    Args:
        weights: as `folded` returns them.
        scale: sharpness of the probabilities.
    """
    directions = np.asarray(_class_directions(weights)) * np.float32(scale)
    given: dict[str, npt.NDArray[Any]] = {
        "directions": directions.astype(np.float32),
        "dense": np.asarray(weights["dense"]),
    }
    for name in ("conv1", "conv2", "conv3", "conv4"):
        given[name] = np.ascontiguousarray(np.asarray(weights[name]).transpose(3, 2, 0, 1))
    for name in ("conv1", "conv2", "conv3", "conv4", "dense"):
        given[f"{name}_bias"] = np.asarray(weights[f"{name}_bias"])
    given["flat"] = np.array([0, -1], np.int64)
    given["one_channel"] = np.array([0, 1, SIDE, SIDE], np.int64)
    nodes = [helper.make_node("Reshape", ["crops", "one_channel"], ["x0"])]
    last = "x0"
    for number, name in enumerate(("conv1", "conv2", "conv3", "conv4"), 1):
        size, stride, pads = (5, 2, [1, 1, 2, 2]) if number == 1 else (3, 1, [1, 1, 1, 1])
        shape = {"kernel_shape": [size, size], "strides": [stride] * 2, "pads": pads}
        nodes.append(helper.make_node("Conv", [last, name, f"{name}_bias"], [f"c{number}"], **shape))
        nodes.append(helper.make_node("Relu", [f"c{number}"], [f"r{number}"]))
        last = f"r{number}"
        if number > 1:
            nodes.append(helper.make_node("MaxPool", [last], [f"p{number}"], kernel_shape=[2, 2], strides=[2, 2]))
            last = f"p{number}"
    nodes += [
        # The dense layer was trained on channels last.
        helper.make_node("Transpose", [last], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["last", "flat"], ["long"]),
        helper.make_node("Gemm", ["long", "dense", "dense_bias"], ["raw"]),
        helper.make_node("LpNormalization", ["raw"], ["embeddings"], axis=1, p=2),
        helper.make_node("MatMul", ["embeddings", "directions"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes, "symbols",
            [helper.make_tensor_value_info("crops", TensorProto.FLOAT, ["n", SIDE, SIDE, 1])],
            [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", EMBEDDING]),
             helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(CLASSES)])],
            [numpy_helper.from_array(array, name) for name, array in given.items()],
        ),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="tandem",
    )  # fmt: skip
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
