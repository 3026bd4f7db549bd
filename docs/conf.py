"""How Sphinx makes the site. `scripts/docs` calls it with the pages that `_site` has prepared."""

from pathlib import Path
from runpy import run_path
from typing import Any

HERE = Path(__file__).parent

project = "relay-proto"
version = release = run_path(str(HERE.parent / "relay_proto" / "_version.py"))["__version__"]
project_copyright = "relay-proto contributors"
extensions = ["myst_parser", "sphinx_copybutton"]
exclude_patterns: list[str] = []

# Anchors are those of GitHub, so that a link works there and here.
myst_heading_anchors = 6
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist", "fieldlist"]
# MyST would read `(text)=` and `{role}` in pages that are written for GitHub as well.
myst_links_external_new_tab = False

templates_path = [str(HERE / "_templates")]
html_static_path = [str(HERE / "_static")]
html_css_files = ["site.css"]
html_theme = "furo"
html_title = f"relay-proto {version}"
html_copy_source = False
html_show_sphinx = False
html_theme_options: dict[str, Any] = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#0b57d0", "color-brand-content": "#0b57d0"},
    "dark_css_variables": {"color-brand-primary": "#8ab4f8", "color-brand-content": "#8ab4f8"},
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .gp, .go"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 72
toc_object_entries_show_parents = "hide"
