import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { KeyForm } from "../admin/KeyForm";
import { KeyTable } from "../admin/KeyTable";
import type { SDKKey } from "../api/types";
import { m } from "../messages";
import { Panel } from "../pieces/Page";
import { Secret } from "../pieces/Secret";

/** The SDK keys of one app, for its owners: made, renewed, limited, revoked. */
export function Keys({ slug }: { slug: string }) {
  const [fresh, setFresh] = useState<(SDKKey & { secret: string }) | null>(null);
  const [making, setMaking] = useState(false);
  const words = m.secrets;
  if (making) {
    return (
      <KeyForm
        app={slug}
        close={() => setMaking(false)}
        made={(key) => {
          setFresh(key);
          setMaking(false);
        }}
      />
    );
  }
  return (
    <>
      {fresh && (
        <Secret
          label={words.made(fresh.name)}
          secret={fresh.secret}
          words={`${words.madeWords} ${fresh.client_side ? words.keys.secretClient : words.keys.secretServer}`}
          done={() => setFresh(null)}
        />
      )}
      <Panel
        title={words.keys.ofApp}
        aside={
          <Button
            size="xs"
            variant="default"
            leftSection={<IconPlus size={14} aria-hidden />}
            onClick={() => setMaking(true)}
          >
            {words.keys.make}
          </Button>
        }
        flush
      >
        <KeyTable of={slug} fresh={setFresh} />
      </Panel>
    </>
  );
}
