import { expect, test } from "vitest";
import { bakeSeconds } from "./plan";

test("the bake of a step is read in its units", () => {
  expect(["30s", "15m", "2h", "1d", "", "soon", "1.5h"].map(bakeSeconds)).toEqual([
    30, 900, 7200, 86_400, 0, 0, 0,
  ]);
});
