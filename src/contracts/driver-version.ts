/**
 * Version of the driver contract that driver packages are written against (`contract` of their export). A new optional
 * member raises the second number; what an older driver would do wrong raises the first.
 */
export const DRIVER_CONTRACT = '1.0.0'
