import { Groups } from "../account/Groups";
import { MyTokens } from "../account/MyTokens";
import { Password } from "../account/Password";
import { Sessions } from "../account/Sessions";
import { m } from "../messages";
import { Page } from "../pieces/Page";
import { Tabs, useTab } from "../pieces/Tabs";
import { useSelf } from "../session/session";

const parts = ["sessions", "password", "tokens", "groups"] as const;

/** One's own account; which part is open stands in the address. */
export function Component() {
  const self = useSelf();
  const tabs = parts.map((id) => ({ id, label: m.account.tabs[id] }));
  const open = useTab(tabs);
  return (
    <Page title={m.account.title} words={`${self.display_name}, ${self.email}`}>
      <Tabs label={m.account.tabs.label} tabs={tabs} open={open} />
      {open === "sessions" && <Sessions />}
      {open === "password" && <Password />}
      {open === "tokens" && <MyTokens />}
      {open === "groups" && <Groups />}
    </Page>
  );
}
