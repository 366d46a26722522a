from collections.abc import Mapping
from pathlib import Path

import pytest

from builder.core.errors import RecipeError
from builder.oci.needs import Needs, find_needs
from builder.oci.workloads import manifest_files

SYSTEM = {"pause": "kedge.local/pause:1.0.0"}
POD = "{containers: [{image: 'r.example/main:1'}], initContainers: [{image: 'r.example/init:1'}]}"
TEMPLATES = {
    "Pod": f"spec: {POD}",
    "Deployment": f"spec: {{template: {{spec: {POD}}}}}",
    "DaemonSet": f"spec: {{template: {{spec: {POD}}}}}",
    "StatefulSet": f"spec: {{template: {{spec: {POD}}}}}",
    "ReplicaSet": f"spec: {{template: {{spec: {POD}}}}}",
    "ReplicationController": f"spec: {{template: {{spec: {POD}}}}}",
    "Job": f"spec: {{template: {{spec: {POD}}}}}",
    "CronJob": f"spec: {{jobTemplate: {{spec: {{template: {{spec: {POD}}}}}}}}}",
    "PodTemplate": f"template: {{spec: {POD}}}",
    "List": f"items: [{{kind: Pod, spec: {POD}}}]",
    "Website": f"spec: {{workers: [{{podTemplate: {{spec: {POD}}}}}]}}",
}


def needs(tmp_path: Path, texts: Mapping[str, str]) -> Needs:
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return find_needs(SYSTEM, {name: tmp_path / name for name in texts})


@pytest.mark.parametrize("kind", TEMPLATES)
def test_containers_of_every_kind_are_found(tmp_path: Path, kind: str) -> None:
    found = needs(tmp_path, {"a.yaml": f"apiVersion: v1\nkind: {kind}\n{TEMPLATES[kind]}\n"})
    assert found.places == {
        "kedge.local/pause:1.0.0": ["the system"],
        "r.example/main:1": ["a.yaml:3"],
        "r.example/init:1": ["a.yaml:3"],
    }
    assert found.hopeless == ()


def test_ephemeral_containers_and_image_volumes_are_found(tmp_path: Path) -> None:
    pod = """\
kind: Pod
spec:
  ephemeralContainers:
  - image: r.example/debug:1
  volumes:
  - name: data
    image:
      reference: r.example/data:1
  - name: block
    rbd: {image: disk}
---
{"kind": "Pod", "spec": {"containers": [{"image": "busybox:1.36"}, {"name": "from a sidecar injector", "image": ""}]}}
---
"""
    assert needs(tmp_path, {"a.yaml": pod}).places == {
        "kedge.local/pause:1.0.0": ["the system"],
        "r.example/debug:1": ["a.yaml:4"],
        "r.example/data:1": ["a.yaml:8"],
        "docker.io/library/busybox:1.36": ["a.yaml:12"],
    }


def test_what_the_kubelet_pulls_each_time_is_told(tmp_path: Path) -> None:
    pod = """\
spec:
  containers:
  - {image: r.example/a}
  - {image: r.example/b:1, imagePullPolicy: Always}
  - {image: r.example/c, imagePullPolicy: IfNotPresent}
  - {image: r.example/d:1}
"""
    told = [str(problem).partition(" has it pulled")[0] for problem in needs(tmp_path, {"a.yaml": pod}).hopeless]
    assert told == ["r.example/a:latest: a.yaml:3", "r.example/b:1: a.yaml:4"]


@pytest.mark.parametrize(
    ("images", "reference"),
    [
        ("{}", "kedge.local/pause:1.0.0"),
        ("{repository: my.example:5000}", "my.example:5000/pause:1.0.0"),
        ("{pause: {version: '2'}}", "kedge.local/pause:2"),
        ("{pause: {image: r.example/p, version: '3.10'}}", "r.example/p:3.10"),
        ("{repository: my.example, pause: {image: r.example/p}}", "my.example/p:1.0.0"),
    ],
)
def test_the_configuration_names_system_images(tmp_path: Path, images: str, reference: str) -> None:
    text = f"apiVersion: kedge/v1\nkind: ClusterConfig\nspec: {{images: {images}}}\n"
    assert needs(tmp_path, {"kedge.yaml": text}).places == {reference: ["the system"]}


def test_everything_that_cannot_be_understood_is_told(tmp_path: Path) -> None:
    texts = {
        "template.yaml": "containers:\n- image: {{ .Values.image }}\n",
        "bad.yaml": "spec:\n  containers:\n  - image: Not/An/Image:1\n",
        "broken.yaml": "a: [b\n",
        "good.yaml": TEMPLATES["Pod"],
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(RecipeError) as caught:
        find_needs(SYSTEM, {name: tmp_path / name for name in ("absent.yaml", *texts)})
    assert [line.partition(": ")[0] for line in caught.value.details] == [
        "absent.yaml",
        "template.yaml:2",
        "bad.yaml:3",
        "broken.yaml:2",
    ]


def test_directories_are_read_to_their_ends(tmp_path: Path) -> None:
    for name in ("b/c.yml", "a.json", "b/readme.md", "z.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [str(path.relative_to(tmp_path)) for path in manifest_files(tmp_path)] == ["a.json", "b/c.yml", "z.yaml"]
