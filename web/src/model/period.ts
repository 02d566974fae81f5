/** A time of the address as an input of type datetime-local wants it, in the reader's zone; nothing for what is none. */
export function toLocal(at: string | undefined): string {
  const time = at ? new Date(at) : null;
  if (!time || Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** What such an input holds, as a time of the address. */
export function fromLocal(local: string): string | null {
  const time = new Date(local);
  return local && !Number.isNaN(time.getTime()) ? time.toISOString() : null;
}

/** The last moment of a day that is so many days away, in the reader's zone. */
export function endOfDay(now: Date, days: number): Date {
  const end = new Date(now);
  end.setDate(end.getDate() + days);
  end.setHours(23, 59, 59, 0);
  return end;
}

/** The last moment of a day that an input of type date holds. */
export function endOfDate(date: string): Date | null {
  const end = new Date(`${date}T23:59:59`);
  return Number.isNaN(end.getTime()) ? null : end;
}
