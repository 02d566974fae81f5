import { Page } from "../pieces/Page";

export function Component() {
  return <Page title="…">…</Page>;
}
