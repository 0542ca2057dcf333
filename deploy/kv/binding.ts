/** The Worker's binding of the namespace that models are published into, as wrangler.toml has it. */
export const BINDING = "MODELS";
