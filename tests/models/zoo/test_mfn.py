import torch

from emofuse.models.zoo.graph_mfn import FusionGraph, graph_mfn
from emofuse.models.zoo.mfn import mfn
from emofuse.types import TaskSpec

DIMS = {"a": 2, "b": 3}
TASK = TaskSpec(ratings=("valence",))


def test_the_model_is_the_paper_step_by_step(batch_of):
    """Against a plain loop with cells of torch: eq. 1-9 of the paper."""
    torch.manual_seed(0)
    recipe = mfn(DIMS, TASK, hidden=3, memory=4, attention=(5, 6), gates=(3, 2), head=5)
    model, batch = recipe.model.eval(), batch_of(DIMS, {"a": 4, "b": 4})
    cells = {}
    for name, network in model.networks.items():
        cells[name] = torch.nn.LSTMCell(DIMS[name], 3)
        cells[name].load_state_dict(
            {key.removesuffix("_l0"): value for key, value in network.state_dict().items()}
        )
    state = {name: (torch.zeros(1, 3), torch.zeros(1, 3)) for name in DIMS}
    memory = torch.zeros(1, 4)
    for time in range(4):
        new = {name: cells[name](batch.values[name][:, time], state[name]) for name in DIMS}
        delta = torch.cat([*(state[name][1] for name in DIMS), *(new[name][1] for name in DIMS)], dim=1)
        attended = torch.softmax(model.attention(delta), dim=1) * delta
        proposal = torch.tanh(model.proposal(attended))
        both = torch.cat([attended, memory], dim=1)
        keep, write = (
            torch.sigmoid(gate.second(torch.relu(gate.first(both))))
            for gate in (model.memory.keep, model.memory.write)
        )
        memory, state = keep * memory + write * proposal, new
    wanted = torch.cat([*(state[name][0] for name in DIMS), memory], dim=1)
    torch.testing.assert_close(model(batch).fused, wanted)


def test_an_absent_modality_says_nothing(batch_of):
    torch.manual_seed(0)
    for builder in (mfn, graph_mfn):
        model = builder(DIMS, TASK, hidden=3, memory=4).model.eval()
        fused = model(batch_of(DIMS, {"a": 2}, {})).fused
        assert fused[0, :3].any() and not fused[0, 3:6].any() and fused[0, 6:].any()
        assert not fused[1].any()


def test_the_graph_has_a_vertex_for_each_set_and_nineteen_efficacies():
    graph = FusionGraph([4, 3, 2], 5)
    assert graph.readers == [(0, 1), (0, 2), (1, 2), (0, 1, 2), None]
    summary, efficacies = graph([torch.randn(6, dim) for dim in (4, 3, 2)])
    assert summary.shape == (6, 5) and efficacies.shape == (6, 19)
    assert ((efficacies > 0) & (efficacies < 1)).all()


def test_the_graph_of_two_by_hand():
    torch.manual_seed(0)
    graph = FusionGraph([2, 1], 3)
    a, b = torch.randn(4, 2), torch.randn(4, 1)
    alpha = torch.sigmoid(graph.efficacies[:-1](torch.cat([a, b], dim=1)))
    pair = graph.vertices[0](torch.cat([a * alpha[:, :1], b * alpha[:, 1:2]], dim=1))
    wanted = graph.vertices[1](
        torch.cat([a * alpha[:, 2:3], b * alpha[:, 3:4], pair * alpha[:, 4:5]], dim=1)
    )
    torch.testing.assert_close(graph([a, b])[0], wanted)


def test_one_modality_alone_has_a_graph_of_one_vertex():
    graph = FusionGraph([2], 3)
    assert graph.readers == [None]
    assert graph([torch.randn(4, 2)])[1].shape == (4, 1)


def test_the_graph_reads_each_state_with_the_one_before(batch_of):
    torch.manual_seed(0)
    model = graph_mfn({"a": 2}, TASK, hidden=3, memory=4, vertex=3).model.eval()
    batch = batch_of({"a": 2}, {"a": 2})
    states = model.networks["a"](batch.values["a"])[0][0]
    pairs = torch.cat([torch.cat([torch.zeros(1, 3), states[:1]]), states], dim=1)
    attended, _ = model.graph([torch.relu(model.singles["a"](pairs))])
    proposal = torch.tanh(model.proposal(attended))
    memory = torch.zeros(4)
    for frame in range(2):
        both = torch.cat([attended[frame], memory])
        keep, write = (
            torch.sigmoid(gate.second(torch.relu(gate.first(both))))
            for gate in (model.memory.keep, model.memory.write)
        )
        memory = keep * memory + write * proposal[frame]
    torch.testing.assert_close(model(batch).fused[0], torch.cat([states[-1], memory]))
