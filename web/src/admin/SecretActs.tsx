import { NumberInput } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { m } from "../messages";
import { standing } from "../model/secrets";
import { ConfirmButton } from "../pieces/Confirm";
import classes from "./Admin.module.css";

interface Props {
  one: { id: string; name: string; prefix: string; expires_at?: string; revoked_at?: string };
  /** Gives the new secret. */
  rotate: (overlapHours: number) => Promise<unknown>;
  revoke: () => Promise<unknown>;
  /** Further acts, between the two. */
  children?: ReactNode;
}

/** Renew and revoke, each saying first what it does. */
export function SecretActs({ one, rotate, revoke, children }: Props) {
  const words = m.secrets;
  const [hours, setHours] = useState<number | string>(24);
  const overlap = Math.max(0, Math.min(720, Math.round(Number(hours) || 0)));
  const name = one.name || one.prefix;
  const state = standing(one, new Date());
  if (state === "ended" || state === "revoked") return null;
  return (
    <span className={classes.row}>
      <ConfirmButton
        label={words.rotate}
        title={words.rotateAsk(name)}
        happens={words.rotateHappens(overlap)}
        button={{ size: "xs", "aria-label": words.rotateName(name) }}
        run={() => rotate(overlap)}
      >
        <NumberInput
          label={words.overlap}
          value={hours}
          onChange={setHours}
          min={0}
          max={720}
          allowDecimal={false}
          allowNegative={false}
        />
      </ConfirmButton>
      {children}
      <ConfirmButton
        danger
        label={words.revoke}
        title={words.revokeAsk(name)}
        happens={words.revokeHappens}
        button={{ size: "xs", "aria-label": words.revokeName(name) }}
        run={revoke}
      />
    </span>
  );
}
