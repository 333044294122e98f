"""The job of many classes: which one is each row of, and how likely is each?"""
