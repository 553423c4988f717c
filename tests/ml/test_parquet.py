"""Data sets on disk: what is read is what was written, in whatever order; what has to go is gone to the last byte."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from kinelog.ml.clusters import cluster_of_example
from kinelog.ml.example_files import ExampleFileError, read_examples, write_examples
from kinelog.ml.examples import Dataset, SetExample
from kinelog.ml.parquet import (
    MANIFEST,
    DatasetError,
    PersonFile,
    file_name,
    people_of,
    person_files,
    read_dataset,
    read_manifest,
    write_dataset,
)
from kinelog.ml.purge import purge

from tests.ml.made_examples import Floor, made_dataset
from tests.registry.damage import every_change

TABLE = ("all", "f", "f-20s", "m")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return made_dataset(Floor(people=6, sessions=2, exercises=3))


def clusters_of(dataset: Dataset) -> dict[str, str]:
    return {example.person: cluster_of_example(example, TABLE) for example in dataset.examples}


def files_of(dataset: Dataset) -> list[PersonFile]:
    return list(people_of(dataset, clusters_of(dataset)))


def written(folder: Path, dataset: Dataset, *, shuffled: int | None = None) -> Path:
    people = files_of(dataset)
    if shuffled is not None:
        random.Random(shuffled).shuffle(people)
    write_dataset(folder, people, {"clipped": 2}, "made")
    return folder


def digests(examples: Sequence[SetExample]) -> list[bytes]:
    return [example.digest() for example in examples]


def bytes_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_what_is_read_is_what_was_written(tmp_path: Path, dataset: Dataset) -> None:
    found = read_dataset(written(tmp_path, dataset))
    assert digests(found.examples) == digests(dataset.examples)
    assert found.sha256 == dataset.sha256
    assert (found.dropped, found.note) == ({"clipped": 2}, "made")
    assert found.labels == dataset.labels


def test_the_hash_does_not_depend_on_the_order_of_writing(tmp_path: Path, dataset: Dataset) -> None:
    hashes = {read_manifest(written(tmp_path / str(order), dataset, shuffled=order)).sha256 for order in range(4)}
    assert hashes == {dataset.sha256}


def test_a_cluster_is_read_with_those_within_it(tmp_path: Path, dataset: Dataset) -> None:
    folder = written(tmp_path, dataset)
    women = [example for example in dataset.examples if example.sex == "female"]
    young = [example for example in women if example.age_group == "20s"]
    assert 0 < len(young) < len(women)
    assert digests(read_dataset(folder, "f").examples) == digests(women)
    assert digests(read_dataset(folder, "f-20s").examples) == digests(young)
    assert digests(read_dataset(folder, "all").examples) == digests(dataset.examples)


def test_the_manifest_says_what_there_is_and_names_nobody(tmp_path: Path, dataset: Dataset) -> None:
    folder = written(tmp_path, dataset)
    text = (folder / MANIFEST).read_text()
    assert msgspec.json.decode(text.encode())["sha256"] == dataset.sha256
    manifest = read_manifest(folder)
    assert (manifest.people, manifest.examples) == (6, len(dataset.examples))
    assert manifest.labels.keys() == set(dataset.labels)
    assert {counts.cluster: counts.people for counts in manifest.clusters} == {"all": 2, "f": 1, "f-20s": 1, "m": 2}
    for example in dataset.examples:
        assert example.person not in text
        assert example.session not in text
    assert not [path for path in folder.rglob("*") if any(person in path.name for person in clusters_of(dataset))]


def test_files_are_their_owners_only(tmp_path: Path, dataset: Dataset) -> None:
    folder = written(tmp_path / "data", dataset)
    assert {path.stat().st_mode & 0o077 for path in [folder, *folder.rglob("*")]} == {0}


def test_the_data_set_before_is_whole_until_the_next_one_is(tmp_path: Path, dataset: Dataset) -> None:
    folder = written(tmp_path, dataset)

    def interrupted() -> Iterator[PersonFile]:
        yield files_of(dataset)[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(folder, interrupted(), {})
    assert read_dataset(folder).sha256 == dataset.sha256
    smaller = made_dataset(Floor(people=2, sessions=1, exercises=2))
    written(folder, smaller)
    assert read_dataset(folder).sha256 == smaller.sha256
    assert len(person_files(folder)) == 2


def test_a_file_that_was_changed_or_lost_is_noticed(tmp_path: Path, dataset: Dataset) -> None:
    folder = written(tmp_path, dataset)
    first, second = person_files(folder)[:2]
    second.write_bytes(first.read_bytes())
    with pytest.raises(DatasetError, match="write it again"):
        read_dataset(folder)
    with pytest.raises(DatasetError, match="kinelog fit data"):
        read_dataset(tmp_path / "nothing")


def test_any_change_of_a_person_s_file_is_noticed_also_by_who_reads_it_alone(tmp_path: Path, dataset: Dataset) -> None:
    file = tmp_path / "person.parquet"
    write_examples(file, dataset.examples[:2])
    whole = file.read_bytes()
    sound = digests(read_examples(file))

    def is_seen(damaged: bytes) -> None:
        file.write_bytes(damaged)
        with suppress(ExampleFileError):
            assert digests(read_examples(file)) == sound

    # What Parquet says of itself stands at the end, and has no check of its own.
    every_change(whole, range(len(whole) - 2_000, len(whole), 41), is_seen, examples=60)


def test_any_change_of_the_manifest_is_no_crash(tmp_path: Path, dataset: Dataset) -> None:
    manifest = written(tmp_path, dataset) / MANIFEST

    def is_seen(damaged: bytes) -> None:
        manifest.write_bytes(damaged)
        with suppress(DatasetError):
            read_manifest(tmp_path)

    every_change(manifest.read_bytes(), range(0, 200, 3), is_seen, examples=100)


def test_who_leaves_goes_although_the_file_of_somebody_else_is_damaged(tmp_path: Path, dataset: Dataset) -> None:
    written(tmp_path, dataset)
    gone, damaged, *_ = sorted(one.person for one in files_of(dataset))
    (file,) = tmp_path.rglob(file_name(damaged))
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DatasetError, match=f"{file.name}.*fit data"):
        purge(tmp_path, {one.person for one in files_of(dataset)} - {gone})
    assert list(tmp_path.rglob(file_name(gone))) == []
    with pytest.raises(DatasetError, match=r"write it again|fit data"):
        read_dataset(tmp_path)


def test_a_person_comes_once(tmp_path: Path, dataset: Dataset) -> None:
    one = files_of(dataset)[0]
    with pytest.raises(DatasetError, match="twice"):
        write_dataset(tmp_path, [one, one], {})


def test_no_byte_of_who_has_to_go_is_left_in_data_sets_or_caches(tmp_path: Path, dataset: Dataset) -> None:
    folder, cache = written(tmp_path / "data", dataset), tmp_path / "cache"
    for name in (dataset.sha256, "0" * 64):
        (cache / name / "deeper").mkdir(parents=True)
        (cache / name / "deeper" / "result").write_bytes(b"weights that person-3 is in")
    gone = person_files(folder)[0]
    victim = next(person for person in clusters_of(dataset) if file_name(person) == gone.name)
    content, before = gone.read_bytes(), bytes_below(tmp_path)
    pieces = [content[at : at + 64] for at in range(0, len(content) - 64, 64)]
    own = [piece for piece in pieces if before.count(piece) == 1]  # names of exercises are in others' files, too
    assert len(own) > 20

    stays = {example.person for example in dataset.examples} - {victim}
    purged = purge(folder, stays, [cache])
    assert (purged.files, purged.caches) == (1, 2)
    left = bytes_below(tmp_path)
    assert not [piece for piece in own if piece in left]
    assert victim.encode() not in left
    assert gone.name not in str(list(tmp_path.rglob("*")))

    found = read_dataset(folder)
    assert {example.person for example in found.examples} == stays
    assert found.sha256 != dataset.sha256
    assert read_manifest(folder).people == 5


def test_what_has_to_go_is_overwritten_before_its_name_is_gone(tmp_path: Path, dataset: Dataset) -> None:
    """Another name of the same bytes on the disk shows what became of them."""
    folder, cache = written(tmp_path / "data", dataset), tmp_path / "cache"
    (cache / "of-another-night").mkdir(parents=True)
    (cache / "of-another-night" / "result").write_bytes(b"weights" * 400_000)
    gone = person_files(folder)[0]
    names = [tmp_path / "person", tmp_path / "result"]
    names[0].hardlink_to(gone)
    names[1].hardlink_to(cache / "of-another-night" / "result")
    sizes = [name.stat().st_size for name in names]
    stays = {person for person in clusters_of(dataset) if file_name(person) != gone.name}
    purge(folder, stays, [cache])
    assert [name.read_bytes() for name in names] == [bytes(size) for size in sizes]


def test_while_everybody_stays_nothing_changes(tmp_path: Path, dataset: Dataset) -> None:
    folder, cache = written(tmp_path / "data", dataset), tmp_path / "cache"
    (cache / dataset.sha256).mkdir(parents=True)
    purged = purge(folder, clusters_of(dataset), [cache])
    assert (purged.files, purged.caches) == (0, 0)
    assert purged.manifest is not None
    assert purged.manifest.sha256 == dataset.sha256
    assert (cache / dataset.sha256).is_dir()


def test_a_run_that_died_leaves_nothing_behind_a_purge(tmp_path: Path, dataset: Dataset) -> None:
    def interrupted() -> Iterator[PersonFile]:
        yield files_of(dataset)[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path, interrupted(), {})
    assert person_files(tmp_path)
    assert purge(tmp_path, set()).manifest is None
    assert person_files(tmp_path) == []
    assert purge(tmp_path / "never-made", set()).files == 0
