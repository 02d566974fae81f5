/** The two revisions that are compared, as the address has them: the older one first. */
export interface Two {
  from: number | undefined;
  to: number | undefined;
  has: (revision: number) => boolean;
  /** Chooses another one, or takes a chosen one away; of three the two chosen last stay. Elsewhere it begins anew. */
  toggled: (revision: number, here: boolean) => [from: number | undefined, to: number | undefined];
}

export function chosenTwo(params: URLSearchParams): Two {
  const from = numberOf(params.get("from"));
  const to = numberOf(params.get("to"));
  const chosen = [from, to].filter((one) => one !== undefined);
  return {
    from,
    to,
    has: (revision) => chosen.includes(revision),
    toggled(revision, here) {
      const rest = here ? chosen.filter((one) => one !== revision) : [];
      const next = here && chosen.includes(revision) ? rest : [...rest.slice(-1), revision];
      next.sort((a, b) => a - b);
      return [next[0], next[1]];
    },
  };
}

function numberOf(text: string | null): number | undefined {
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}
