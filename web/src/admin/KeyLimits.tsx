import { NumberInput } from "@mantine/core";
import { useState } from "react";
import { api, over, unwrap } from "../api/client";
import type { SDKKey } from "../api/types";
import { m } from "../messages";
import { standardLimits } from "../model/secrets";
import { number } from "../model/text";
import { ConfirmButton } from "../pieces/Confirm";
import { Proposed } from "./Proposed";
import { useWrite } from "./useWrite";

type Amount = number | string;
const most = 1_000_000;
const chosen = (amount: Amount) =>
  amount === "" ? undefined : Math.max(1, Math.min(most, Math.round(Number(amount))));

/** Changes what an SDK key may ask of each replica. */
export function KeyLimits({ of: key }: { of: SDKKey }) {
  const words = m.secrets.keys;
  const [perSecond, setPerSecond] = useState<Amount>(key.requests_per_second ?? "");
  const [streams, setStreams] = useState<Amount>(key.max_streams ?? "");
  const name = key.name || key.prefix;
  const { proposed, run } = useWrite();
  const set = () =>
    run(
      unwrap(
        api.PUT("/api/v1/sdk-keys/{id}/limits", {
          params: { path: { id: key.id }, header: over(key.revision) },
          body: { requests_per_second: chosen(perSecond), max_streams: chosen(streams) },
        }),
      ),
    );
  const common = { min: 1, max: most, allowDecimal: false, allowNegative: false, thousandSeparator: "," };
  if (proposed) return <Proposed words={proposed} />;
  return (
    <ConfirmButton
      label={words.limit}
      title={words.limitAsk(name)}
      happens={words.limitHappens}
      button={{ size: "xs", "aria-label": words.limitName(name) }}
      run={set}
    >
      <NumberInput
        {...common}
        label={words.perSecond}
        description={words.standard(number(standardLimits.requests_per_second))}
        value={perSecond}
        onChange={setPerSecond}
      />
      <NumberInput
        {...common}
        label={words.streams}
        description={words.standard(number(standardLimits.max_streams))}
        value={streams}
        onChange={setStreams}
      />
    </ConfirmButton>
  );
}
