import { NumberInput, Select } from "@mantine/core";
import { m } from "../messages";
import type { Serve } from "../model/rule";
import classes from "./RulesEditor.module.css";

interface Props {
  label: string;
  serve: Serve;
  variants: string[];
  standard: string;
  told: boolean;
  set: (serve: Serve) => void;
}

const theDefault = "\u0000default";
const aSplit = "\u0000split";
const asJson = "\u0000json";

/** What somebody gets: a value, the default one, a split between values, or JSON that is kept. */
export function ServeInput({ label, serve, variants, standard, told, set }: Props) {
  const words = m.change.rules;
  const value = { variant: "", default: theDefault, split: aSplit, json: asJson }[serve.kind];
  const chosen = serve.kind === "variant" ? serve.variant : value;
  const known = serve.kind === "variant" && !variants.includes(serve.variant);
  function choose(next: string | null) {
    if (next === null || next === chosen) return;
    if (next === theDefault) set({ kind: "default" });
    else if (next === aSplit) set({ kind: "split", shares: evenly(variants) });
    else if (next !== asJson) set({ kind: "variant", variant: next });
  }
  return (
    <div className={classes.served}>
      <Select
        size="xs"
        w={220}
        aria-label={label}
        data={[
          ...variants.map((name) => ({ value: name, label: name })),
          ...(known ? [{ value: chosen, label: chosen, disabled: true }] : []),
          { value: theDefault, label: words.theDefault(standard) },
          ...(variants.length > 1 ? [{ value: aSplit, label: words.split }] : []),
          ...(serve.kind === "json" ? [{ value: asJson, label: words.keptName }] : []),
        ]}
        value={chosen}
        onChange={choose}
        error={told && known && m.change.gaps.variant}
      />
      {serve.kind === "split" && <Shares serve={serve} variants={variants} told={told} set={set} />}
      {serve.kind === "json" && (
        <div className={classes.kept}>
          <code>{JSON.stringify(serve.json)}</code>
          <span>{words.kept}</span>
        </div>
      )}
    </div>
  );
}

function evenly(variants: string[]) {
  const each = Math.floor(100 / variants.length);
  return variants.map((variant, i) => ({
    variant,
    weight: i === 0 ? 100 - each * (variants.length - 1) : each,
  }));
}

interface SharesProps {
  serve: Extract<Serve, { kind: "split" }>;
  variants: string[];
  told: boolean;
  set: (serve: Serve) => void;
}

function Shares({ serve, variants, told, set }: SharesProps) {
  const { by, shares } = serve;
  const missing = variants.filter((name) => !shares.some((share) => share.variant === name));
  const all = [...shares, ...missing.map((variant) => ({ variant, weight: 0 }))];
  const sum = all.reduce((total, share) => total + share.weight, 0);
  function change(i: number, weight: number) {
    // Of two that make 100 the other gives way, so that what is typed is the share in percent.
    const rest = all.length === 2 && sum === 100 && weight <= 100 ? 100 - weight : undefined;
    const next = all.map((share, j) => ({ ...share, weight: i === j ? weight : (rest ?? share.weight) }));
    const kept = next.filter((share) => share.weight > 0 || !missing.includes(share.variant));
    set({ kind: "split", ...(by === undefined ? {} : { by }), shares: kept });
  }
  return (
    <div className={classes.shares}>
      {all.map((share, i) => (
        <NumberInput
          key={share.variant}
          size="xs"
          w={120}
          label={share.variant}
          aria-label={m.change.rules.share(share.variant)}
          min={0}
          suffix={sum === 100 ? " %" : ""}
          value={share.weight}
          onChange={(next) => change(i, Math.max(0, Number(next) || 0))}
          error={told && sum === 0 && i === 0 && m.change.gaps.weight}
        />
      ))}
    </div>
  );
}
