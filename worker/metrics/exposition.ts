/** One number of a family, and the labels that tell it from others. */
export type Series = [labels: Readonly<Record<string, string>>, value: number];

/** Numbers of one kind, in the data model of Prometheus. */
export interface MetricFamily {
  /** Without what all names begin with. */
  name: string;
  type: "counter" | "gauge";
  help: string;
  series: readonly Series[];
}

/** A number that only grows as long as the isolate lives. */
export function counter(name: string, help: string, series: readonly Series[]): MetricFamily {
  return { name, type: "counter", help, series };
}

/** A number as it is now. */
export function gauge(name: string, help: string, series: readonly Series[]): MetricFamily {
  return { name, type: "gauge", help, series };
}

/** The text format of Prometheus, version 0.0.4. */
export function expositionOf(families: readonly MetricFamily[]): string {
  const lines = families.flatMap(({ name, type, help, series }) => {
    const full = `deepfm_edge_${name}`;
    return [
      ...[`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`],
      ...series.map(([labels, value]) => `${full}${labelsText(labels)} ${value}`),
    ];
  });
  return `${lines.join("\n")}\n`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${quoted(value)}`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** A label's value in quotes. */
function quoted(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}
