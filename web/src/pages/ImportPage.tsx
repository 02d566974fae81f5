import { ImportForm } from "../bring/ImportForm";
import { m } from "../messages";
import { Page, Panel } from "../pieces/Page";

/** Where flags of another system come in. */
export function Component() {
  return (
    <Page title={m.bring.importTitle} words={m.bring.importWords}>
      <Panel>
        <ImportForm />
      </Panel>
    </Page>
  );
}
