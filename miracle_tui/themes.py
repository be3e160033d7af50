"""The two looks of Miracle."""

from textual.theme import Theme

DARK = Theme(
    name="miracle-dark",
    primary="#7aa2f7",
    secondary="#9d86e0",
    accent="#e0a96d",
    success="#8fbf7f",
    warning="#e0b465",
    error="#e07a84",
    foreground="#c8d0e0",
    background="#11141b",
    surface="#161a23",
    panel="#1f2530",
    dark=True,
    variables={
        "text-muted": "#8791a7",
        "text-disabled": "#5a6478",
        "border": "#39435a",
        "border-blurred": "#333c4f",
        "block-cursor-background": "#2c3a57",
        "block-cursor-foreground": "#eef2fa",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#222938",
        "footer-background": "#11141b",
        "footer-key-foreground": "#e0a96d",
        "footer-description-foreground": "#8791a7",
        "input-cursor-background": "#7aa2f7",
        "input-selection-background": "#7aa2f7 35%",
        "scrollbar": "#2a3140",
        "scrollbar-hover": "#3a455c",
        "scrollbar-active": "#7aa2f7",
        "scrollbar-background": "#161a23",
        "scrollbar-background-hover": "#161a23",
        "scrollbar-background-active": "#161a23",
        "scrollbar-corner-color": "#161a23",
    },
)

LIGHT = Theme(
    name="miracle-light",
    primary="#2f5fb3",
    secondary="#6a4fb0",
    accent="#a35f14",
    success="#2f7a3d",
    warning="#96670a",
    error="#b3363f",
    foreground="#2a3142",
    background="#f3f1ec",
    surface="#fbfaf7",
    panel="#e8e5dd",
    dark=False,
    variables={
        "text-muted": "#656b78",
        "text-disabled": "#9a9c9f",
        "border": "#b9b3a4",
        "border-blurred": "#cfc9bb",
        "block-cursor-background": "#d3dff3",
        "block-cursor-foreground": "#1a2233",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e4e8ef",
        "footer-background": "#f3f1ec",
        "footer-key-foreground": "#a35f14",
        "footer-description-foreground": "#656b78",
        "input-cursor-background": "#2f5fb3",
        "input-selection-background": "#2f5fb3 25%",
        "scrollbar": "#d0cbbf",
        "scrollbar-hover": "#b9b3a4",
        "scrollbar-active": "#2f5fb3",
        "scrollbar-background": "#fbfaf7",
        "scrollbar-background-hover": "#fbfaf7",
        "scrollbar-background-active": "#fbfaf7",
        "scrollbar-corner-color": "#fbfaf7",
    },
)

THEMES = (DARK, LIGHT)


def other_theme(name: str) -> str:
    """The theme that the key toggles to."""
    return LIGHT.name if name != LIGHT.name else DARK.name
