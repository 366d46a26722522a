"""All effects by the names that knowledge uses."""

from collections.abc import Mapping
from typing import Final

from builder.rootfs.effects import accounts, alternatives, catalogs, files, kernel, libraries, settings, systemd
from builder.rootfs.effects.base import Effect

EFFECTS: Final[Mapping[str, type[Effect]]] = {
    "absent": files.Absent,
    "alternative": alternatives.Alternative,
    "base_passwd": accounts.BasePasswd,
    "ca_certificates": settings.CaCertificates,
    "catalog": systemd.Catalog,
    "change": files.Change,
    "copy": files.Copy,
    "depmod": kernel.Depmod,
    "directory": files.Directory,
    "divert": files.Divert,
    "enable": systemd.Enable,
    "enable_user": systemd.EnableUser,
    "group": accounts.Group,
    "hwdb": systemd.Hwdb,
    "kernel_links": kernel.KernelLinks,
    "ldconfig": libraries.Ldconfig,
    "link": files.Symlink,
    "nothing": files.Nothing,
    "pam_auth_update": settings.PamAuthUpdate,
    "remove": files.Remove,
    "shell": settings.Shell,
    "statoverride": files.StatOverride,
    "sysusers": accounts.Sysusers,
    "tmpfiles": systemd.Tmpfiles,
    "sgml_catalog": catalogs.SgmlCatalog,
    "ucf": catalogs.Ucf,
    "ucf_database": catalogs.WriteUcfDatabase,
    "usr_local": catalogs.UsrLocal,
    "xml_catalog": catalogs.XmlCatalog,
    "xml_catalogs": catalogs.WriteXmlCatalogs,
    "update_shells": settings.UpdateShells,
    "user": accounts.User,
    "write": files.Write,
}
