"""Does with modules and options what Zephyr's scripts do before a build: finds modules, reads Kconfig by the same library.

  configure.py OUT KCONFIG CONF... -- MODULE...    writes OUT/modules.txt (name;folder of CMakeLists.txt), .config, autoconf.h
  configure.py --sets OUT KCONFIG MODULE NAME...   prints what .config has of the options, for all ways to set those named

A module is a folder with zephyr/module.yml; what is in that is checked as Zephyr's scripts/zephyr_module.py checks it.
"""
import itertools
import json
import os
import re
import sys
from pathlib import Path

import kconfiglib
import yaml

STRINGS = {'cmake', 'kconfig', 'sysbuild-cmake', 'sysbuild-kconfig'}
SWITCHES = {'cmake-ext', 'kconfig-ext', 'sysbuild-cmake-ext', 'sysbuild-kconfig-ext'}
PARTS = {'name': str, 'build': dict, 'tests': list, 'samples': list, 'boards': list}


def fail(words):
    sys.exit(f'configure.py: {words}')


def read_module(root):
    """Name, folder of CMakeLists.txt and Kconfig of a module: all paths are from the folder that has zephyr/module.yml in it."""
    file = root / 'zephyr' / 'module.yml'
    if not file.is_file():
        fail(f'{root} is no module: there is no zephyr/module.yml')
    meta = yaml.safe_load(file.read_text())
    for key, value in meta.items():
        if not isinstance(value, PARTS.get(key, ())):
            fail(f'{file}: {key}')
    build = meta.get('build', {})
    for key, value in build.items():
        if not (key in STRINGS and isinstance(value, str) or key in SWITCHES and isinstance(value, bool)):
            fail(f'{file}: build: {key}')
    name = meta.get('name', root.name)
    cmake = root / build.get('cmake', 'zephyr')
    kconfig = root / build.get('kconfig', 'zephyr/Kconfig')
    for path in (cmake / 'CMakeLists.txt', kconfig):
        if not path.is_file():
            fail(f'{file} names {path}, which is not there')
    for sample in meta.get('samples', []) + meta.get('tests', []):
        if not (root / sample / 'CMakeLists.txt').is_file():
            fail(f'{file} names {sample}, where nothing is built')
    return name, cmake.resolve(), kconfig.resolve()


def write_modules(out, roots):
    modules = [read_module(Path(root)) for root in roots]
    lines = []
    for name, _, kconfig in modules:
        symbol = re.sub('[^a-zA-Z0-9]', '_', name).upper()
        lines += [f'menu "{name}"', f'osource "{kconfig}"', f'config ZEPHYR_{symbol}_MODULE', '\tbool', '\tdefault y', 'endmenu']
    (out / 'Kconfig.modules').write_text('\n'.join(lines) + '\n')
    (out / 'modules.txt').write_text(''.join(f'{name};{cmake}\n' for name, cmake, _ in modules))


def open_kconfig(out, kconfig):
    os.environ['srctree'] = str(Path(__file__).parent)
    os.environ['KCONFIG_MODULES'] = str(out / 'Kconfig.modules')
    os.environ['CONFIG_'] = 'CONFIG_'
    kconf = kconfiglib.Kconfig(str(Path(kconfig).resolve()), warn_to_stderr=False)
    kconf.warn_assign_undef = True
    kconf.warn_assign_override = kconf.warn_assign_redun = False  # a further file may say otherwise
    return kconf


def complain(kconf):
    """Zephyr ends a build for options that are not there, and for those that did not become what was asked for."""
    wrong = list(kconf.warnings)
    for symbol in kconf.unique_defined_syms:
        if symbol.user_value is None:
            continue
        asked = symbol.user_value if isinstance(symbol.user_value, str) else kconfiglib.TRI_TO_STR[symbol.user_value]
        if asked != symbol.str_value:
            wrong.append(f'{symbol.name} was asked to be {asked} and is {symbol.str_value}')
    if wrong:
        fail('\n'.join(wrong))


def configure(out, kconfig, rest):
    split = rest.index('--')
    write_modules(out, rest[split + 1 :])
    kconf = open_kconfig(out, kconfig)
    for index, conf in enumerate(rest[:split]):
        kconf.load_config(conf, replace=index == 0)
    complain(kconf)
    kconf.write_config(str(out / '.config'))
    kconf.write_autoconf(str(out / 'autoconf.h'))


def print_sets(out, kconfig, module, names):
    write_modules(out, [module])
    kconf = open_kconfig(out, kconfig)
    table = {}
    for values in itertools.product('ny', repeat=len(names)):
        (out / 'set.conf').write_text(''.join(f'CONFIG_{name}={value}\n' for name, value in zip(names, values)))
        kconf.load_config(str(out / 'set.conf'))
        kconf.write_config(str(out / 'set.config'))
        text = (out / 'set.config').read_text()
        table[''.join(values)] = [name for name in names if re.search(f'^CONFIG_{name}=y$', text, re.M)]
    print(json.dumps(table))


if sys.argv[1] == '--sets':
    print_sets(Path(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])
else:
    configure(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
