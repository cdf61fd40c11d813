/**
 * Installs Debian's packages with apt-get, as root or with a sudo that asks for no password.
 * Throws an Error of one line, which says what to run by hand where apt-get can't be used.
 */
export function aptInstall(packages: string[]): Promise<void>;
