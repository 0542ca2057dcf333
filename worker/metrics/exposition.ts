/** One number of a family, and the labels that tell it from others. `part`: of a histogram, which of its numbers. */
export type Series = [labels: Readonly<Record<string, string>>, value: number, part?: "_bucket" | "_sum" | "_count"];

/** Numbers of one kind, in the data model of Prometheus. */
export interface MetricFamily {
  /** Without what the names of this project begin with; whole, where it is `shared`. */
  name: string;
  /** Whether other servers have a family of this name and meaning, which dashboards know. */
  shared: boolean;
  type: "counter" | "gauge" | "histogram";
  help: string;
  series: readonly Series[];
}

/** A number that only grows as long as the isolate lives. */
export function counter(name: string, help: string, series: readonly Series[]): MetricFamily {
  return { name, shared: false, type: "counter", help, series };
}

/** A number as it is now. */
export function gauge(name: string, help: string, series: readonly Series[]): MetricFamily {
  return { name, shared: false, type: "gauge", help, series };
}

/** A counter whose name other servers have. */
export function sharedCounter(name: string, help: string, series: readonly Series[]): MetricFamily {
  return { ...counter(name, help, series), shared: true };
}

/** The text format of Prometheus, version 0.0.4. `common`: labels of all series. */
export function expositionOf(families: readonly MetricFamily[], common: Readonly<Record<string, string>> = {}): string {
  const lines = families.flatMap(({ name, shared, type, help, series }) => {
    const full = shared ? name : `deepfm_edge_${name}`;
    return [
      ...[`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`],
      ...series.map(([labels, value, part = ""]) => `${full}${part}${labelsText({ ...common, ...labels })} ${value}`),
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
