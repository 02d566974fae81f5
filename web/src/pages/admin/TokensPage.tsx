import { Checkbox } from "@mantine/core";
import { AdminPage } from "../../admin/AdminPage";
import { PersonFilter } from "../../admin/PersonFilter";
import { TokenMaker } from "../../admin/TokenMaker";
import { TokenTable } from "../../admin/TokenTable";
import { m } from "../../messages";
import { text, yes } from "../../model/address";
import { FilterBar } from "../../pieces/FilterBar";
import { Panel } from "../../pieces/Page";
import { useFilters } from "../../pieces/useFilters";

const address = { as: text, ended: yes };

/** The API tokens of everybody. */
export function Component() {
  const filters = useFilters(address);
  const words = m.secrets;
  return (
    <AdminPage section="tokens" words={words.tokens.words}>
      <TokenMaker others />
      <FilterBar filters={filters}>
        <PersonFilter person={filters.read("as")} set={(email) => filters.set("as", email)} />
        <Checkbox
          label={words.includeEnded}
          checked={filters.read("ended") ?? false}
          onChange={(event) => filters.set("ended", event.currentTarget.checked ? "true" : null)}
        />
      </FilterBar>
      <Panel flush>
        <TokenTable none={words.tokens.none} noneWords={words.tokens.noneWords} />
      </Panel>
    </AdminPage>
  );
}
