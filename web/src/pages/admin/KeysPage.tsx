import { Button, Checkbox } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { AdminPage } from "../../admin/AdminPage";
import { KeyForm } from "../../admin/KeyForm";
import { KeyTable } from "../../admin/KeyTable";
import { m } from "../../messages";
import { oneOf, yes } from "../../model/address";
import { FilterBar } from "../../pieces/FilterBar";
import { NoticeBox } from "../../pieces/Notice";
import { Panel } from "../../pieces/Page";
import { Secret } from "../../pieces/Secret";
import { useFilters } from "../../pieces/useFilters";
import { useSelf } from "../../session/session";

const address = { make: oneOf("key"), ended: yes };

interface Fresh {
  name: string;
  secret: string;
  client_side: boolean;
}

/** SDK keys: made, renewed, revoked. */
export function Component() {
  const self = useSelf();
  const filters = useFilters(address);
  const [fresh, setFresh] = useState<Fresh | null>(null);
  const words = m.secrets;
  const making = filters.read("make") === "key";
  return (
    <AdminPage
      section="keys"
      words={words.keys.words}
      actions={
        !making && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => filters.set("make", "key")}>
            {words.keys.make}
          </Button>
        )
      }
    >
      {!making && !self.can.includes("key.make") && <NoticeBox tone="info" title={words.keys.limited} />}
      {fresh && (
        <Secret
          label={words.made(fresh.name)}
          secret={fresh.secret}
          words={`${words.madeWords} ${fresh.client_side ? words.keys.secretClient : words.keys.secretServer}`}
          done={() => setFresh(null)}
        />
      )}
      {making && (
        <KeyForm
          close={() => filters.set("make", null)}
          made={(key) => {
            setFresh(key);
            filters.set("make", null);
          }}
        />
      )}
      <FilterBar filters={filters}>
        <Checkbox
          label={words.includeEnded}
          checked={filters.read("ended") ?? false}
          onChange={(event) => filters.set("ended", event.currentTarget.checked ? "true" : null)}
        />
      </FilterBar>
      <Panel flush>
        <KeyTable fresh={setFresh} />
      </Panel>
    </AdminPage>
  );
}
