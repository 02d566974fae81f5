import classes from "../admin/Admin.module.css";
import { TokenMaker } from "../admin/TokenMaker";
import { TokenTable } from "../admin/TokenTable";
import { m } from "../messages";
import { Panel } from "../pieces/Page";
import { useSelf } from "../session/session";

/** One's own API tokens. */
export function MyTokens() {
  const self = useSelf();
  const words = m.account.tokens;
  return (
    <div className={classes.stack}>
      <TokenMaker />
      <Panel title={words.title} flush>
        <p className={classes.lead}>{words.words}</p>
        <TokenTable person={self.email} none={words.none} noneWords={words.noneWords} />
      </Panel>
    </div>
  );
}
