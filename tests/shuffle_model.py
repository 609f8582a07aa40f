"""The specification's shuffled order in Python integers, written from it alone."""

from collections.abc import Callable

__all__ = ["ShuffleModel"]


def rotate_right(word: int, distance: int) -> int:
    distance %= 32
    return (word >> distance | word << (32 - distance)) & 0xFFFFFFFF


class ShuffleModel:
    """The specification's drawing in shuffled order; `draw_word` advances the order generator."""

    def __init__(self, word: int, draw_word: Callable[[], int]) -> None:
        self.word = word
        self.draw_word = draw_word
        self.position = 0

    def draw(self, count: int) -> tuple[int, int]:
        """Return an index and how many positions were tried."""
        mask = 0
        while mask < count - 1:
            mask = 2 * mask + 1
        tried = 0
        while True:
            tried += 1
            if self.position < mask:
                self.position += 1
            else:
                self.position = 0
                self.word = self.draw_word()
            x = self.position
            for j, (a, b) in enumerate(((1, 7), (4, 1), (3, 6), (3, 2))):
                x = (x + rotate_right(self.word, 8 * j)) & mask
                x ^= x >> a
                x = (x + (x << b)) & mask
            if x < count:
                return x, tried
